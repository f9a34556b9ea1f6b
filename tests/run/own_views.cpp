// A first expression on arrays of one's own: a matrix product and silu, one kernel, and nothing is copied.
#include <catch2/catch_test_macros.hpp>

#include "cria/expr.hpp"
#include "cria/run/evaluate.hpp"
#include "support/kokkos.hpp"

using namespace cria;

namespace {

struct embed { static constexpr char name[] = "embed"; };
struct hidden { static constexpr char name[] = "hidden"; };
struct w1 { static constexpr char name[] = "w1"; };
using E = axis<embed, 93>;
using F = axis<hidden, 165>;

struct gate {
  using input = shape<tokens, E>;
  static constexpr auto forward(auto x) { return silu(matmul(x, weight<w1, F, E>)); }
};

/// y = silu(x w^T): x [token, embed], w [hidden, embed], y [token, hidden].
void gate_of(Kokkos::DefaultExecutionSpace const& exec, Kokkos::View<float const**> x, Kokkos::View<float const**> w,
             Kokkos::View<float**> y) {
  evaluate<gate>(exec, bound<tokens, E>(x), bound<w1, F, E>(w), bound<tokens, F>(y));
}

}  // namespace

TEST_CASE("an expression of one's own on Views of one's own") {
  auto const exec = test::space();
  int const rows = 7;
  Kokkos::View<float**> const x("x", rows, E::extent), w("w", F::extent, E::extent), y("y", rows, F::extent);
  auto const hx = Kokkos::create_mirror_view(x), hw = Kokkos::create_mirror_view(w), hy = Kokkos::create_mirror_view(y);
  for (int r = 0; r < rows; ++r)
    for (int k = 0; k < E::extent; ++k) hx(r, k) = float((r * 31 + k * 7) % 17 - 8) / 8;
  for (int c = 0; c < F::extent; ++c)
    for (int k = 0; k < E::extent; ++k) hw(c, k) = float((c * 13 + k * 5) % 19 - 9) / 64;
  Kokkos::deep_copy(x, hx);
  Kokkos::deep_copy(w, hw);

  gate_of(exec, x, w, y);

  Kokkos::deep_copy(hy, y);
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < F::extent; ++c) {
      double sum = 0;  // exact: few bits a factor. So is the f32 sum, and what remains is silu: exp, a sum and a quotient
      for (int k = 0; k < E::extent; ++k) sum += double(hx(r, k)) * double(hw(c, k));
      double const expected = sum / (1 + std::exp(-sum));
      CHECK(std::abs(double(hy(r, c)) - expected) <= 4 * 0x1p-23 * std::abs(expected));
    }
}
