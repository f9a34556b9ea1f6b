// A first expression: a matrix product and silu, one kernel, on Views of one's own.
#include <cstdio>

#include "cria/expr.hpp"
#include "cria/run/evaluate.hpp"

using namespace cria;

struct embed { static constexpr char name[] = "embed"; };
struct hidden { static constexpr char name[] = "hidden"; };
struct w1 { static constexpr char name[] = "w1"; };
using E = axis<embed, 6>;
using F = axis<hidden, 10>;

struct gate {
  using input = shape<tokens, E>;                                                             // [token, embed]
  static constexpr auto forward(auto x) { return silu(matmul(x, weight<w1, F, E>)); }  // [token, hidden]
};
static_assert(plan_of<in_place_of<gate>>.count == 1);  // kernels

/// Values in [-1, 1).
void fill(Kokkos::View<float**> const& a) {
  int const columns = a.extent_int(1);
  Kokkos::parallel_for(
      "fill", a.size(),
      KOKKOS_LAMBDA(int i) { a(i / columns, i % columns) = float((i * 37 + 11) % 64 - 32) / 32; });
}

int main() {
  Kokkos::ScopeGuard const kokkos(Kokkos::InitializationSettings().set_disable_warnings(true));
  Kokkos::View<float**> const x("x", 3, 6), w("w", 10, 6), y("y", 3, 10);
  fill(x);
  fill(w);

  evaluate<gate>(Kokkos::DefaultExecutionSpace(), bound<tokens, E>(x), bound<w1, F, E>(w), bound<tokens, F>(y));

  auto const result = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), y);
  for (int row = 0; row < 3; ++row) {
    for (int column = 0; column < 5; ++column) std::printf("%8.4f", double(result(row, column)));
    std::printf("  ...\n");
  }
}
