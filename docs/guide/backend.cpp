// Code for one kind of execution space, and for one width of vectors, in place of what the library has for all.
#include <atomic>
#include <cstdio>

#include "cria/expr.hpp"
#include "cria/run/evaluate.hpp"

using namespace cria;

/// x0, x0 + x1, x0 + x1 + x2, ... along a row.
struct running_sum {
  static constexpr char name[] = "running_sum";
  template <class Axis> using result = Axis;

  /// One thread of a host, which has the row for itself; and f64 on plain tensors.
  template <class Team, class X, class Put>
  KOKKOS_INLINE_FUNCTION static void row(Team const& team, X const& x, Put const& put, int n) {
    team.each(1, [&](int) {
      auto sum = x(0);
      put(0, sum);
      for (int i = 1; i < n; ++i) put(i, sum += x(i));
    });
  }

  /// A team of a device: all its threads, and Kokkos' scan.
  template <class Member, class X, class Put>
  KOKKOS_INLINE_FUNCTION static void row(kernel::team_of<Member> const& team, X const& x, Put const& put, int n) {
    Kokkos::parallel_scan(Kokkos::TeamThreadRange(team.member, n), [&](int i, float& sum, bool last) {
      sum += x(i);
      if (last) put(i, sum);
    });
  }
};

std::atomic<int> calls = 0;

namespace cria::kernel::detail {

/// One row times 32 outputs in f32, one vector of outputs after the other where the library takes them side by side. The chain of
/// each sum is the library's, fma(w, x, sum) for each input in order, and so are its bits.
template <>
void dot_floats<dtype::f32, host_lanes, 32, 1>(tile_run w, int lane, float const* panel, int begin, int end, float* to, int) {
  using V = host_lanes;
  for (int v = 0; v < 32 / V::width; ++v) {
    auto const* tile = reinterpret_cast<float const*>(w.first + std::size_t(tile_of<V>(lane, v)) * w.stride);
    auto sum = V::load(to + v * V::width);
    for (int k = begin; k < end; ++k) sum = V::fma(V::load(tile + k * tile_rows + row_of<V>(lane, v)), V::splat(panel[k]), sum);
    V::store(to + v * V::width, sum);
  }
  ++calls;
}

}  // namespace cria::kernel::detail

struct embed { static constexpr char name[] = "embed"; };
struct hidden { static constexpr char name[] = "hidden"; };
struct w1 { static constexpr char name[] = "w1"; };
using E = axis<embed, 33>;
using F = axis<hidden, 40>;
struct sums {
  using input = shape<tokens, E>;
  static constexpr auto forward(auto x) { return custom_row<running_sum>(matmul(x, weight<w1, F, E>)); }
};

using host = Kokkos::DefaultHostExecutionSpace;
using array = Kokkos::View<float**, Kokkos::LayoutRight, Kokkos::HostSpace>;

void fill(array const& a) {
  for (std::size_t i = 0; i < a.size(); ++i) a.data()[i] = float((i * 37 + 11) % 61) / 61 - 0.5f;
}
bool same(array const& a, array const& b, int row) {
  for (std::size_t k = 0; k < a.extent(1); ++k)
    if (a(std::size_t(row), k) != b(std::size_t(row), k)) return false;
  return true;
}

/// The device's code in a team of the host's: one row of whole numbers, whose sums are exact in any order.
bool teams_agree() {
  array const x("x", 1, 33), alone("alone", 1, 33), team("team", 1, 33);
  for (std::size_t i = 0; i < 33; ++i) x(0, i) = float(i);
  running_sum::row(kernel::solo{}, [&](int i) { return x(0, i); }, [&](int i, float y) { alone(0, i) = y; }, 33);
  using teams = Kokkos::TeamPolicy<host>;
  Kokkos::parallel_for("team", teams(1, Kokkos::AUTO), [&](teams::member_type const& member) {
    kernel::team_of<teams::member_type> const threads{member};
    running_sum::row(threads, [&](int i) { return x(0, i); }, [&](int i, float y) { team(0, i) = y; }, 33);
  });
  return same(alone, team, 0);
}

int main() {
  Kokkos::ScopeGuard const kokkos(Kokkos::InitializationSettings().set_disable_warnings(true));
  std::printf("a team's running sum is one thread's: %s\n", teams_agree() ? "yes" : "no");

  int const rows = 4;
  array const x("x", rows, 33), w("w", 40, 33), together("together", rows, 40), alone("alone", rows, 40);
  fill(x), fill(w);
  auto const row_of = [](array const& a, int row) { return Kokkos::subview(a, std::pair(row, row + 1), Kokkos::ALL); };
  evaluate<sums>(host(), bound<tokens, E>(x), bound<w1, F, E>(w), bound<tokens, F>(together));
  std::printf("%d rows at once: the product above was called %s\n", rows, calls > 0 ? "too" : "never");
  bool bits = true;
  for (int row = 0; row < rows; ++row) {
    evaluate<sums>(host(), bound<tokens, E>(row_of(x, row)), bound<w1, F, E>(w), bound<tokens, F>(row_of(alone, row)));
    bits = bits && same(together, alone, row);
  }
  std::printf("row by row: it was called %s, and the bits are %s\n", calls >= 2 * rows ? "for each row" : "never",
              bits ? "the same" : "others");
}
