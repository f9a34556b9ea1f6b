// A variant with a map of its own, whose gradients are those of finite differences.
#include <Kokkos_Core.hpp>

#include <cstdio>

#include "cria/model.hpp"
#include "cria/run/check_gradients.hpp"

using namespace cria;

/// x Phi(x), nearly (Hendrycks and Gimpel 2016, arXiv 1606.08415).
struct gelu {
  static constexpr char name[] = "gelu";
  KOKKOS_INLINE_FUNCTION static auto apply(auto x) { return x / (1 + Kokkos::exp(decltype(x)(-1.702) * x)); }
  template <int> KOKKOS_INLINE_FUNCTION static auto derivative(auto x) {
    auto const s = 1 / (1 + Kokkos::exp(decltype(x)(-1.702) * x));
    return s + decltype(x)(1.702) * x * s * (1 - s);
  }
};

template <class D> struct two_matrices {
  static constexpr auto forward(auto h) {
    auto const wide = map<gelu>(matmul(h, weight<nn::w1, typename D::hidden, typename D::embed>));
    return matmul(wide, weight<nn::w2, typename D::embed, typename D::hidden>);
  }
};
struct variant
    : llama2::config</*embed*/ 16, /*layers*/ 2, /*heads*/ 2, /*kv heads*/ 1, /*hidden*/ 24, /*vocabulary*/ 40, /*context*/ 16> {
  template <class D> using feed_forward = two_matrices<D>;
};

int main() {
  Kokkos::ScopeGuard const kokkos;
  bool right = true;
  for (auto const& d : check_gradients<llama2::decoder<variant>::block>(Kokkos::DefaultExecutionSpace(), {5, 3}, {.most = 20})) {
    std::printf("%s: %.1e\n", d.leaf.c_str(), d.relative());
    right = right && d.relative() < 1e-5;  // as check_gradients says
  }
  return right ? 0 : 1;
}
