// Steps of training: a model with operators from outside the library that have derivatives, in f32 and in bf16 with f32
// masters.
#include "cria/model/decoder.hpp"
#include "cria/run/trainer.hpp"

namespace {

using namespace cria;

struct stored_bytes {
  std::span<std::byte const> bytes;
};

struct softcap {
  static constexpr char name[] = "softcap";
  KOKKOS_INLINE_FUNCTION static float apply(float x) { return 30 * Kokkos::tanh(x / 30); }
  template <int>
  KOKKOS_INLINE_FUNCTION static float derivative(float x) {
    float const y = Kokkos::tanh(x / 30);
    return 1 - y * y;
  }
};
struct centre {
  static constexpr char name[] = "centre";
  template <class A>
  using result = A;
  template <class Team, class Get, class Put>
  KOKKOS_INLINE_FUNCTION static void row(Team const& t, Get const& get, Put const& put, int n) {
    float const mean = t.sum(n, get) / float(n);
    t.each(n, [&](int i) { put(i, get(i) - mean); });
  }
  template <class Team, class GetX, class GetDy, class Put>
  KOKKOS_INLINE_FUNCTION static void back(Team const& t, GetX const&, GetDy const& dy, Put const& put, int n) {
    row(t, dy, put, n);
  }
};
template <class D>
struct centred {
  using E = typename D::embed;
  using H = typename D::hidden;
  static constexpr auto forward(auto h) {
    return matmul(map<softcap>(matmul(custom_row<centre>(h), weight<nn::w1, H, E>)), weight<nn::w2, E, H>);
  }
};
struct own_parts : llama2::config<96, 2, 6, 2, 160, 83, 128> {
  template <class D>
  using feed_forward = centred<D>;
};

template <class Variant, class Format, class Keep>
double train(Kokkos::Cuda const& exec, std::span<std::byte const> file, std::span<training_row const> rows) {
  using model = llama2::decoder<Variant>;
  auto const read = [&](std::string_view, int) { return stored_bytes{file}; };
  trainer<model, policy::exact<formats<Format>>, Keep, train_weights::all, Kokkos::Cuda> t(
      exec, {.rows = 64}, read, [](std::string_view, int) {});
  t.accumulate(rows);
  t.update({.rate = 1e-3, .beta1 = 0.9, .beta2 = 0.95, .epsilon = 1e-5, .decay = 0.1, .clip = 1, .step = 1});
  return t.loss(rows);
}

}  // namespace

double stories260k(Kokkos::Cuda const& exec, std::span<std::byte const> file, std::span<training_row const> rows) {
  return train<llama2::config_stories260k, f32, keep::dear>(exec, file, rows);
}

double custom(Kokkos::Cuda const& exec, std::span<std::byte const> file, std::span<training_row const> rows) {
  return train<own_parts, bf16, keep::inputs>(exec, file, rows);
}
