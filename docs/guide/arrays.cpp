// Arrays of one's own, as Kokkos has them, under the names of their axes.
#include <cstdio>
#include <vector>

#include "cria/run/bound.hpp"

using namespace cria;

struct embed { static constexpr char name[] = "embed"; };    // names of axes
struct hidden { static constexpr char name[] = "hidden"; };
struct w1 { static constexpr char name[] = "w1"; };          // the name of a weight
using E = axis<embed, 6>;
using F = axis<hidden, 10>;

void rows_of_a_view() {
  Kokkos::View<float**> const x("x", 3, 6);
  auto const rows = bound<tokens, E>(x);  // [token, embed]: as many rows as there are
  std::printf("x: %d rows, and no copy: %s\n", rows.rows, rows.data == x.data() ? "yes" : "no");
}

void part_of_a_view() {
  Kokkos::View<float**, Kokkos::LayoutRight> const large("large", 100, 64);
  auto const part = Kokkos::subview(large, std::pair(10, 14), std::pair(2, 8));
  auto const rows = bound<tokens, E>(part);
  std::printf("a part of large: %d rows, %td elements from one to the next\n", rows.rows, rows.at.row);
}

void weight_in_an_mdspan() {
  std::vector<float> memory(10 * 6);
  Kokkos::mdspan<float const, Kokkos::dextents<int, 2>> const w(memory.data(), 10, 6);
  auto const weight = bound<w1, F, E>(w);  // [hidden, embed]
  std::printf("w1: %d rows of %td\n", weight.rows, weight.at.row);
}

void wrong_extent() {
  Kokkos::View<float**> const w("w", 11, 6);
  try {
    bound<w1, F, E>(w);
  } catch (error const& e) {
    std::printf("%s\n", e.what());
  }
}

int main() {
  Kokkos::ScopeGuard const kokkos(Kokkos::InitializationSettings().set_disable_warnings(true));
  rows_of_a_view();
  part_of_a_view();
  weight_in_an_mdspan();
  wrong_extent();
}
