// A prompt and a token through a model in f32, and through one in 8-bit and 4-bit blocks with int8 activations; blocks on Views
// of a caller's.
#include "cria/model/decoder.hpp"
#include "cria/run/evaluate.hpp"
#include "cria/run/session.hpp"

namespace {

using namespace cria;

struct stored_bytes {
  std::span<std::byte const> bytes;
};

/// A map and a row operator from outside the library.
struct softcap {
  static constexpr char name[] = "softcap";
  KOKKOS_INLINE_FUNCTION static float apply(float x) { return 30 * Kokkos::tanh(x / 30); }
};
struct centre {
  static constexpr char name[] = "centre";
  template <class A> using result = A;
  template <class Team, class Get, class Put>
  KOKKOS_INLINE_FUNCTION static void row(Team const& t, Get const& get, Put const& put, int n) {
    float const mean = t.sum(n, get) / float(n);
    t.each(n, [&](int i) { put(i, get(i) - mean); });
  }
};
template <class D> struct centred {
  using E = typename D::embed;
  using H = typename D::hidden;
  static constexpr auto forward(auto h) {
    return matmul(map<softcap>(matmul(custom_row<centre>(h), weight<nn::w1, H, E>)), weight<nn::w2, E, H>);
  }
};
struct own_parts : llama2::config<96, 2, 6, 2, 160, 83, 128> {
  template <class D> using feed_forward = centred<D>;
};

template <class Variant, class Policy> std::span<float const> forward(Kokkos::Cuda const& exec, std::span<std::byte const> file) {
  auto const read = [&](std::string_view, int) { return stored_bytes{file}; };
  session<llama2::decoder<Variant>, Policy, Kokkos::Cuda> model(exec, {.room = 8}, read, [](std::string_view, int) {});
  int const tokens[]{1, 2}, sequences[]{0, 0}, positions[]{0, 1};
  model.set_rows(tokens, sequences, positions);
  return model.run(1, 1);
}

/// Columns first, as Views of a device lie, and a vector.
using device_view = Kokkos::View<float const**, Kokkos::CudaSpace>;
using E = axis<llama2::axes::embed, 93>;
using H = axis<llama2::axes::hidden, 165>;
struct gate {
  using input = shape<tokens, E>;
  static constexpr auto forward(auto x) {
    return silu(matmul(rms_norm(x, weight<llama2::norm, E>, 1e-5), weight<llama2::w1, H, E>));
  }
};
struct lookup {
  using input = token_ids;
  static constexpr auto forward(auto ids) { return embedding(ids, weight<llama2::embed, H, E>); }
};

}  // namespace

void own_views(Kokkos::Cuda const& exec, device_view x, Kokkos::View<float const*, Kokkos::CudaSpace> gain, device_view w,
               Kokkos::View<float**, Kokkos::CudaSpace> y) {
  evaluate<gate>(exec, bound<tokens, E>(x), bound<llama2::norm, E>(gain), bound<llama2::w1, H, E>(w), bound<tokens, H>(y));
}

void own_tokens(Kokkos::Cuda const& exec, Kokkos::View<int const*, Kokkos::CudaSpace> ids, device_view table,
                Kokkos::View<float**, Kokkos::CudaSpace> y) {
  evaluate<lookup>(exec, bound<tokens>(ids), bound<llama2::embed, H, E>(table), bound<tokens, E>(y));
}

std::span<float const> stories260k(Kokkos::Cuda const& exec, std::span<std::byte const> file) {
  return forward<llama2::config_stories260k, policy::exact<formats<f32>>>(exec, file);
}

std::span<float const> smollm2(Kokkos::Cuda const& exec, std::span<std::byte const> file) {
  return forward<llama2::config_smollm2_135m, policy::fast<formats<q4_1, stored<llama2::embed, q8_0>>>>(exec, file);
}

struct wide : llama2::config<256, 2, 4, 2, 256, 83, 128> {};

std::span<float const> blocks_of_256(Kokkos::Cuda const& exec, std::span<std::byte const> file) {
  using all = formats<q4_k, stored<llama2::embed, q6_k>, stored<llama2::wq, q5_k>, stored<llama2::wk, q5_0>,
                      stored<llama2::wo, q5_1>, stored<llama2::w2, by_layer<layers_in<1, q4_k>, layers_in<1, q6_k>>>>;
  return forward<wide, policy::fast<all>>(exec, file);
}

std::span<float const> every_format(Kokkos::Cuda const& exec, std::span<std::byte const> file) {
  using all =
      formats<q4_0, stored<llama2::embed, q8_f32>, stored<llama2::wk, f16>, stored<llama2::wv, bf16>, stored<llama2::head, q4_1>>;
  return forward<own_parts, policy::fast<all>>(exec, file);
}

// A whole session, as `extern template` needs it: with the members that only hosts have left out.
template class cria::session<cria::llama2::decoder<cria::llama2::config_stories260k>, cria::policy::exact<>, Kokkos::Cuda>;
