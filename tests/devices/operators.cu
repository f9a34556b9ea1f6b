// What other decoders than Llama's are made of, in sessions and in training.
#include "cria/expr.hpp"
#include "cria/run/session.hpp"
#include "cria/run/trainer.hpp"

namespace {

using namespace cria;

struct stored_bytes {
  std::span<std::byte const> bytes;
};
template <int I> struct name_of_weight {
  static constexpr char name[] = {char('a' + I), '\0'};
};
struct width {};
using E = axis<width, 96>;
using H = axis<struct hidden, 160>;
using V = axis<struct words, 83>;
using Q = heads<struct query, 6, 16>;
using KV = heads<struct kv, 2, 16>;
using S = axis<struct head_size, 16>;
template <int I, class... A> inline constexpr auto w = weight<name_of_weight<I>, A...>;

struct model {
  struct embedding {
    using input = token_ids;
    static constexpr auto forward(auto ids) {
      return 9.5 * cria::embedding(ids, w<0, V, E>) + cria::embedding(positions(ids), w<1, axis<struct places, 64>, E>);
    }
  };
  struct block {
    using input = shape<tokens, E>;
    static constexpr rotation slowed{.theta = 5e5, .factor = 8, .low = 1, .high = 4, .original_context = 8192};
    static constexpr auto forward(auto x) {
      auto const n = layer_norm(x, w<2, E>, w<3, E>);
      auto const q = rope(head_rms_norm(matmul(n, w<4, Q, E>), w<5, S>), slowed);
      auto const k = rope(head_rms_norm(matmul(n, w<6, KV, E>), w<7, S>), slowed);
      auto const h = x + matmul(attention(q, k, matmul(n, w<8, KV, E>), 40), w<9, E, Q>) + w<10, E>;
      return h + matmul(gelu_tanh(matmul(normalise(h), w<11, H, E>)), w<12, E, H>);
    }
  };
  struct head {
    using input = shape<tokens, E>;
    static constexpr auto forward(auto x) { return matmul(layer_norm(x, w<13, E>, w<14, E>), w<15, V, E>); }
  };
  static constexpr int layers = 2;
};

}  // namespace

double run(Kokkos::Cuda const& exec, std::span<std::byte const> file, std::span<training_row const> rows) {
  auto const read = [&](std::string_view, int) { return stored_bytes{file}; };
  auto const done = [](std::string_view, int) {};
  session<model, policy::exact<formats<>, f16>, Kokkos::Cuda> s(exec, {.room = 64}, read, done);
  int const at[]{0};
  s.set_rows(at, at, at);
  trainer<model, policy::exact<>, keep::dear, train_weights::all, Kokkos::Cuda> t(exec, {.rows = 64}, read, done);
  return t.accumulate(rows) + double(s.run(0, 1)[0]);
}
