#pragma once
// The panel of a contraction: the prologue of some rows evaluated once, with the row sums that it needs.
#include "cria/kernel/contraction/dot.hpp"
#include "cria/kernel/row/row_sums.hpp"

namespace cria::kernel {

template <class P, int G> struct contraction_panel : evaluate<P, G> {
  using base = evaluate<P, G>;
  using base::at, base::c;

  static constexpr group g = plan_of<P>.groups[G];
  static constexpr int left = at(g.nodes[0]).in[0], result_rows = at(g.nodes[0]).rows;
  static constexpr op kind = at(g.nodes[0]).kind;
  static constexpr node_list sums_needed = base::row_sums();

  static constexpr bool uses_int8(int id) {
    return P::policy::int8 && kind == op::matmul && facts(at(at(id).in[1]).type).quantised();
  }
  static constexpr bool any_panel(bool as_int8) {
    for (int k = 0; k < g.count; ++k)
      if (at(g.nodes[k]).kind == kind && uses_int8(g.nodes[k]) == as_int8) return true;
    return false;
  }
  static constexpr bool floats = any_panel(false), int8 = any_panel(true);
  enum : int { many = most_together<host_lanes>(int8) };  // not static constexpr: device code takes references to it

  KOKKOS_INLINE_FUNCTION int depth() const { return kind == op::matmul_dw ? c.rows : at(left).cols; }
  KOKKOS_INLINE_FUNCTION int rows() const { return result_rows == per_token ? c.rows : result_rows; }

  KOKKOS_INLINE_FUNCTION std::size_t panel_size(int count) const {
    return panel_floats(floats, int8, count, depth()) + std::size_t(sums_needed.count) * std::size_t(count);
  }

  /// A panel of `count` rows from `row0` on; row sums behind it.
  struct panel_view {
    float* panel;
    int row0, count;
    float* sums;
  };
  KOKKOS_INLINE_FUNCTION panel_view view(float* memory, int row0, int count) const {
    return {memory, row0, count, memory + panel_floats(floats, int8, count, depth())};
  }
  KOKKOS_INLINE_FUNCTION scope scope_of(panel_view const& p) const { return {.row_sums = p.sums, .rows = p.count, .row0 = p.row0}; }

  /// Rows lie in groups of `many`, then of 4, then alone.
  KOKKOS_INLINE_FUNCTION static int row_groups(int count) {
    int const rest = count % many;
    return count / many + (many > 4 ? rest / 4 + rest % 4 : rest);
  }
  /// Calls f(first row, rows as a constant) for the group that begins at row `first`; returns its end.
  template <class F> KOKKOS_INLINE_FUNCTION static int with_group(int first, int count, F const& f) {
    if (first + many <= count) return f(first, std::integral_constant<int, many>{}), first + many;
    if constexpr (many > 4)
      if (first + 4 <= count) return f(first, std::integral_constant<int, 4>{}), first + 4;
    return f(first, std::integral_constant<int, 1>{}), first + 1;
  }
  template <class Team> KOKKOS_INLINE_FUNCTION void fill_group(Team const& t, panel_view const& p, int index) const {
    int const whole = p.count / many, rest = index - whole;
    int first = index * many;
    if (rest >= 0) {
      int const fours = many > 4 ? p.count % many / 4 : 0;
      first = whole * many + (rest < fours ? rest * 4 : fours * 4 + rest - fours);
    }
    with_group(first, p.count, [&](int at_row, auto n) { fill<n()>(t, p, at_row); });
  }

  /// Evaluates N rows from `first` on into the panel.
  template <int N, class Team> KOKKOS_INLINE_FUNCTION void fill(Team const& t, panel_view const& p, int first) const {
    for (int i = 0; i < N; ++i) fill_row_sums<P, G>(*this, t, scope_of(p), p.row0 + first + i, p.sums + first + i, p.count);
    panel_group const to = group_at(p.panel, floats, int8, p.count, depth(), first);
    int const blocks_of_inputs = (depth() + 31) / 32;
    t.each(blocks_of_inputs, [&](int b) {
      int const begin = b * 32, inputs = Kokkos::min(32, depth() - begin);
      float x[N][32];
      for (int i = 0; i < N; ++i) {
        int const row = p.row0 + first + i;
        float sums[sums_needed.count + 1];  // a copy, which nothing that is written below can change
        for (int s = 0; s < sums_needed.count; ++s) sums[s] = p.sums[s * p.count + first + i];
        scope const own{.row_sums = sums, .rows = 1, .row0 = row};
        auto const get = [&](int k) {
          if constexpr (kind == op::matmul_dw) return base::template value<left>(own, k, row);
          else return base::template value<left>(own, row, k);
        };
        if (inputs == 32)
          for (int k = 0; k < 32; ++k) x[i][k] = get(begin + k);
        else
          for (int k = 0; k < inputs; ++k) x[i][k] = get(begin + k);
        if constexpr (int8) quantise_block<typename Team::lanes>(x[i], to.int8, b, i, N);
      }
      if constexpr (floats)
        for (int k = 0; k < inputs; ++k)
          for (int i = 0; i < N; ++i) to.floats[std::size_t(begin + k) * N + std::size_t(i)] = x[i][k];
    });
  }
};

}  // namespace cria::kernel
