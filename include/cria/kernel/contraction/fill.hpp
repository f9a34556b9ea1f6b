#pragma once
// The panel of a contraction: the prologue of some rows evaluated once, with the row sums that it needs.
#include "cria/kernel/contraction/dot.hpp"
#include "cria/kernel/row/row_sums.hpp"

namespace cria::kernel {

template <class P, int G> struct contraction_panel : evaluate<P, G> {
  using base = evaluate<P, G>;
  using base::at, base::c, base::sum_count;

  static constexpr group g = plan_of<P>.groups[G];
  static constexpr node first_node = at(g.nodes[0]);
  static constexpr op kind = first_node.kind;

  // A gradient of rows is a sum of up to three products, its terms: each has its own left operand, and a panel of its own.
  static constexpr int terms = kind == op::matmul_dx ? first_node.arity() / 2 : 1;
  static constexpr int left(int term) { return kind == op::matmul_dw ? first_node.in[1] : first_node.in[2 * term]; }

  static constexpr bool uses_int8(int id) {
    return P::policy::int8 && kind == op::matmul && at(at(id).in[1]).type.quantised();
  }
  static constexpr bool any_panel(bool as_int8) {
    for (int k = 0; k < g.count; ++k)
      if (at(g.nodes[k]).kind == kind && uses_int8(g.nodes[k]) == as_int8) return true;
    return false;
  }
  static constexpr bool floats = any_panel(false), int8 = any_panel(true);
  enum : int {  // not static constexpr: device code takes references to some of them
    many = most_together<host_lanes>(int8),
    span = 48 / many * many,   // rows of a turned panel that are filled together: whole groups, of neighbouring columns
    chunk = int8 ? 1024 : 128  // inputs at a time: a unit's weights stay in the nearest cache
  };
  bool shared = false;  // one panel of all rows, chunk after chunk, so that all of memory is read in order

  KOKKOS_INLINE_FUNCTION int depth(int term) const { return kind == op::matmul_dw ? c.rows : at(left(term)).cols; }
  KOKKOS_INLINE_FUNCTION int rows() const { return kind == op::matmul_dw ? first_node.cols : c.rows; }

  KOKKOS_INLINE_FUNCTION std::size_t term_begin(int term, int count) const {
    std::size_t n = 0;
    for (int t = 0; t < term; ++t) n += panel_floats(floats, int8, count, depth(t));
    return n;
  }
  KOKKOS_INLINE_FUNCTION std::size_t panel_size(int count) const {
    return term_begin(terms, count) + std::size_t(sum_count) * std::size_t(count);
  }

  /// A panel of `count` rows from `row0` on; row sums behind it.
  struct panel_view {
    float* panel;
    int row0, count;
    float* sums;
  };
  KOKKOS_INLINE_FUNCTION panel_view view(float* memory, int row0, int count) const {
    return {memory, row0, count, memory + term_begin(terms, count)};
  }
  /// The group of rows that begins at row `first`, for inputs of the chunk that holds input k.
  KOKKOS_INLINE_FUNCTION panel_group group_of(panel_view const& p, int term, int first, int k) const {
    float* const from = p.panel + term_begin(term, p.count);
    panel_group rows_of_panel = group_at(from, floats, int8, p.count, depth(term), first);
    if (shared && floats) {
      int const begin = k / chunk * chunk, inputs = Kokkos::min(int(chunk), depth(term) - begin);
      // input k of the group is then at k times its rows
      rows_of_panel.floats = from + std::size_t(begin) * std::size_t(p.count - group_rows(first, p.count)) +
                             std::size_t(first) * std::size_t(inputs);
    }
    return rows_of_panel;
  }
  KOKKOS_INLINE_FUNCTION scope scope_of(panel_view const& p) const {
    return {.row_sums = p.sums, .rows = p.count, .row0 = p.row0};
  }

  /// Rows lie in groups of `many`, then of 4, then alone.
  KOKKOS_INLINE_FUNCTION static int row_groups(int count) {
    int const rest = count % many;
    return count / many + (many > 4 ? rest / 4 + rest % 4 : rest);
  }
  KOKKOS_INLINE_FUNCTION static int group_rows(int first, int count) {
    return first + many <= count ? int(many) : many > 4 && first + 4 <= count ? 4 : 1;
  }
  /// Calls f(first row, rows as a constant) for the group that begins at row `first`; returns its end.
  template <class F> KOKKOS_INLINE_FUNCTION static int with_group(int first, int count, F const& f) {
    if (first + many <= count) return f(first, std::integral_constant<int, many>{}), first + many;
    if constexpr (many > 4)
      if (first + 4 <= count) return f(first, std::integral_constant<int, 4>{}), first + 4;
    return f(first, std::integral_constant<int, 1>{}), first + 1;
  }

  /// A panel is filled in so many parts.
  KOKKOS_INLINE_FUNCTION static int parts(int count) {
    return kind == op::matmul_dw ? (count + span - 1) / span : row_groups(count);
  }
  template <class Team> KOKKOS_INLINE_FUNCTION void fill_part(Team const& t, panel_view const& p, int index) const {
    if constexpr (kind == op::matmul_dw) return fill_turned(t, p, index * span);
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
    detail::each_constant<terms>([&](auto term) { fill_term<N, term()>(t, p, first); });
  }

 private:
  template <int N, int Term, class Team>
  KOKKOS_INLINE_FUNCTION void fill_term(Team const& t, panel_view const& p, int first) const {
    int const inputs_of_term = depth(Term), blocks_of_inputs = (inputs_of_term + 31) / 32;
    t.each(blocks_of_inputs, [&](int b) {
      int const begin = b * 32, inputs = Kokkos::min(32, inputs_of_term - begin);
      panel_group const to = group_of(p, Term, first, begin);
      float x[N][32];
      for (int i = 0; i < N; ++i) {
        int const row = p.row0 + first + i;
        float sums[sum_count + 1];  // a copy, which nothing that is written below can change
        for (int s = 0; s < sum_count; ++s) sums[s] = p.sums[s * p.count + first + i];
        scope const own{.row_sums = sums, .rows = 1, .row0 = row};
        if (inputs == 32)
          for (int k = 0; k < 32; ++k) x[i][k] = base::template value<left(Term)>(own, row, begin + k);
        else
          for (int k = 0; k < inputs; ++k) x[i][k] = base::template value<left(Term)>(own, row, begin + k);
        if constexpr (int8) quantise_block<typename Team::lanes>(x[i], to.int8, b, i, N);
      }
      if constexpr (floats)
        for (int k = 0; k < inputs; ++k)
          for (int i = 0; i < N; ++i) to.floats[std::size_t(begin + k) * N + std::size_t(i)] = x[i][k];
    });
  }

  /// The panel of a weight gradient: its rows are columns of x, its inputs tokens.
  template <class Team> KOKKOS_INLINE_FUNCTION void fill_turned(Team const& t, panel_view const& p, int begin) const {
    int const end = Kokkos::min(begin + int(span), p.count);
    t.each(c.rows, [&](int k) {
      float x[span];
      if (end - begin == span)
        for (int j = 0; j < span; ++j) x[j] = base::template value<left(0)>(scope{}, k, p.row0 + begin + j);
      else
        for (int j = 0; j < end - begin; ++j) x[j] = base::template value<left(0)>(scope{}, k, p.row0 + begin + j);
      for (int first = begin; first < end;)
        first = with_group(first, p.count, [&](int at_row, auto n) {
          float* const to = group_of(p, 0, at_row, k).floats + std::size_t(k) * n();
          for (int i = 0; i < n(); ++i) to[i] = x[at_row - begin + i];
        });
    });
  }
};

}  // namespace cria::kernel
