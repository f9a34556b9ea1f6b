// A map and a row operator of one's own in a block, and their derivatives against finite differences.
#include <cstdio>

#include "cria/expr.hpp"
#include "cria/run/check_gradients.hpp"

using namespace cria;

/// c tanh(x / c), c = 2: x where it is small, never beyond c (Gemma 2, arXiv 2408.00118, caps its logits so).
struct softcap {
  static constexpr char name[] = "softcap";
  KOKKOS_INLINE_FUNCTION static auto apply(auto x) { return 2 * Kokkos::tanh(x / 2); }
  template <int> KOKKOS_INLINE_FUNCTION static auto derivative(auto x) {
    auto const t = Kokkos::tanh(x / 2);
    return 1 - t * t;
  }
};

/// e^x over the sum of e^x along a row: as wide as its operand.
struct softmax {
  static constexpr char name[] = "softmax";
  template <class Axis> using result = Axis;

  template <class Team, class X, class Put>
  KOKKOS_INLINE_FUNCTION static void row(Team const& team, X const& x, Put const& put, int n) {
    auto const top = team.largest(n, x);
    auto const total = team.sum(n, [&](int i) { return Kokkos::exp(x(i) - top); });
    team.each(n, [&](int i) { put(i, Kokkos::exp(x(i) - top) / total); });
  }

  /// dx = y (dy - sum of y dy)
  template <class Team, class X, class DY, class Put>
  KOKKOS_INLINE_FUNCTION static void back(Team const& team, X const& x, DY const& dy, Put const& put, int n) {
    auto const top = team.largest(n, x);
    auto const total = team.sum(n, [&](int i) { return Kokkos::exp(x(i) - top); });
    auto const y = [&](int i) { return Kokkos::exp(x(i) - top) / total; };
    auto const shift = team.sum(n, [&](int i) { return y(i) * dy(i); });
    team.each(n, [&](int i) { put(i, y(i) * (dy(i) - shift)); });
  }
};

struct embed { static constexpr char name[] = "embed"; };
struct experts { static constexpr char name[] = "experts"; };
struct router { static constexpr char name[] = "router"; };
using E = axis<embed, 11>;
using X = axis<experts, 5>;

struct routing {
  using input = shape<tokens, E>;
  static constexpr auto forward(auto x) { return custom_row<softmax>(map<softcap>(matmul(x, weight<router, X, E>))); }
};

int main() {
  Kokkos::ScopeGuard const kokkos(Kokkos::InitializationSettings().set_disable_warnings(true));
  bool right = true;
  for (auto const& d : check_gradients<routing>(Kokkos::DefaultExecutionSpace(), {7, 4})) {  // two sequences
    right = right && d.relative() < 1e-5;
    std::printf("gradient of %s: %s\n", d.leaf.c_str(), d.relative() < 1e-5 ? "within 1e-5 of finite differences" : "wrong");
  }
  return right ? 0 : 1;
}
