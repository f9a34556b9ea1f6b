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
  KOKKOS_INLINE_FUNCTION panel_rows<many> rows_of(panel_view const& p, int term) const {
    return {p.panel + term_begin(term, p.count), p.count, depth(term), floats, int8, shared && floats ? int(chunk) : 0};
  }
  KOKKOS_INLINE_FUNCTION scope scope_of(panel_view const& p) const {
    return {.row_sums = p.sums, .rows = p.count, .row0 = p.row0};
  }

  /// A panel is filled in so many parts.
  KOKKOS_INLINE_FUNCTION static int parts(int count) {
    return kind == op::matmul_dw ? (count + span - 1) / span : panel_rows<many>::groups(count);
  }
  template <class Team> KOKKOS_INLINE_FUNCTION void fill_part(Team const& t, panel_view const& p, int index) const {
    if constexpr (kind == op::matmul_dw) fill_turned(t, p, index * span);
    else fill(t, p, panel_rows<many>::group_begin(index, p.count));
  }

 private:
  /// Evaluates the group of rows that begins at row `first` into the panel.
  template <class Team> KOKKOS_INLINE_FUNCTION void fill(Team const& t, panel_view const& p, int first) const {
    int const n = panel_rows<many>::group_rows(first, p.count);
    for (int i = 0; i < n; ++i) fill_row_sums<P, G>(*this, t, scope_of(p), p.row0 + first + i, p.sums + first + i, p.count);
    detail::each_constant<terms>([&](auto term) { fill_term<term()>(t, p, first, n); });
  }

  /// The code of a kernel's own values is here once, whatever the rows of a group.
  template <int Term, class Team>
  KOKKOS_INLINE_FUNCTION void fill_term(Team const& t, panel_view const& p, int first, int n) const {
    constexpr int all = at(left(Term)).cols;
    panel_rows<many> const rows_of_term = rows_of(p, Term);
    t.each((all + 31) / 32, [&](int b) {
      int const begin = b * 32, inputs = all % 32 == 0 ? 32 : Kokkos::min(32, all - begin);
      panel_group const to = rows_of_term.group(first, begin);
      float x[many][32];
      for (int i = 0; i < n; ++i) {
        int const row = p.row0 + first + i;
        float sums[sum_count + 1];  // a copy, which nothing that is written below can change
        for (int s = 0; s < sum_count; ++s) sums[s] = p.sums[s * p.count + first + i];
        scope const own{.row_sums = sums, .rows = 1, .row0 = row};
        if (inputs == 32)
          for (int k = 0; k < 32; ++k) x[i][k] = base::template value<left(Term)>(own, row, begin + k);
        else
          for (int k = 0; k < inputs; ++k) x[i][k] = base::template value<left(Term)>(own, row, begin + k);
        if constexpr (int8) quantise_block<typename Team::lanes>(x[i], to.int8, b, i, n);
      }
      if constexpr (floats)
        panel_rows<many>::with_group(first, p.count, [&](int, auto rows) {
          turn_rows<rows()>(x, inputs, to.floats + std::size_t(begin) * rows());
        });
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
        first = panel_rows<many>::with_group(first, p.count, [&](int at_row, auto n) {
          float* const to = rows_of(p, 0).group(at_row, k).floats + std::size_t(k) * n();
          for (int i = 0; i < n(); ++i) to[i] = x[at_row - begin + i];
        });
    });
  }
};

}  // namespace cria::kernel
