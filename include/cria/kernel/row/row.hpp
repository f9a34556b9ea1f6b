#pragma once
// Row kernels: maps and row sums that must be in memory, and row operators from outside the library. One team, one row.
#include "cria/kernel/row/row_sums.hpp"

namespace cria::kernel {

template <class P, int G> struct row_kernel : evaluate<P, G>, one_phase {
  using base = evaluate<P, G>;
  using base::at, base::c;
  static constexpr int out = plan_of<P>.groups[G].outputs[0];
  static constexpr node_list sums_needed = base::row_sums();

  int pieces(int) const { return at(out).rows == per_token ? c.rows : at(out).rows; }
  KOKKOS_INLINE_FUNCTION std::size_t scratch_floats() const { return std::size_t(sums_needed.count); }

  template <class Team> KOKKOS_INLINE_FUNCTION void work(Team const& t, int, int row, float* scratch) const {
    constexpr node n = at(out);
    scope const e{.row_sums = scratch, .row0 = row};
    fill_row_sums<P, G>(*this, t, e, row, scratch, 1);
    t.barrier();
    if constexpr (n.kind == op::row_sum) {
      float const total = t.sum(at(n.in[0]).cols, [&](int k) { return base::template value<n.in[0]>(e, row, k); });
      t.each(1, [&](int) { base::template store<out>(row, 0, total); });
    } else if constexpr (n.kind == op::log_sum_exp) {
      auto const get = [&](int k) { return base::template value<n.in[0]>(e, row, k); };
      float const top = t.largest(at(n.in[0]).cols, get), total = t.sum(at(n.in[0]).cols, [&](int k) { return exp(get(k) - top); });
      t.each(1, [&](int) { base::template store<out>(row, 0, top + Kokkos::log(total)); });
    } else if constexpr (n.kind == op::custom_row) {
      using functor = functor_at<n.functor, typename P::functors>;
      auto const get = [&](int k) { return base::template value<n.in[0]>(e, row, k); };
      auto const put = [&](int k, float x) { base::template store<out>(row, k, x); };
      functor::row(t, get, put, at(n.in[0]).cols);
    } else if constexpr (n.kind == op::custom_row_back) {
      using functor = functor_at<n.functor, typename P::functors>;
      auto const x = [&](int k) { return base::template value<n.in[0]>(e, row, k); };
      auto const dy = [&](int k) { return base::template value<n.in[1]>(e, row, k); };
      auto const put = [&](int k, float v) { base::template store<out>(row, k, v); };
      functor::back(t, x, dy, put, at(n.in[0]).cols);
    } else {
      t.each(n.cols, [&](int k) { base::template store<out>(row, k, base::template value<out>(e, row, k)); });
    }
  }
};

/// Sums over tokens, for the gradients of vectors. One team, 64 columns.
template <class P, int G> struct token_sum_kernel : evaluate<P, G>, one_phase {
  using base = evaluate<P, G>;
  using base::at, base::c;
  static constexpr int out = plan_of<P>.groups[G].outputs[0];
  enum : int { columns = 64 };

  int pieces(int) const { return (at(out).cols + columns - 1) / columns; }
  KOKKOS_INLINE_FUNCTION std::size_t scratch_floats() const { return columns; }

  template <class Team> KOKKOS_INLINE_FUNCTION void work(Team const& t, int, int piece, float* total) const {
    constexpr int in = at(out).in[0], cols = at(out).cols;
    int const begin = piece * columns;
    auto const add = [&](int n) {
      t.each(n, [&](int i) { total[i] = 0; });
      for (int row = 0; row < c.rows; ++row) t.each(n, [&](int i) { total[i] += base::template value<in>(scope{}, row, begin + i); });
      t.each(n, [&](int i) { base::template store<out>(0, begin + i, total[i]); });
    };
    if (begin + columns <= cols) add(columns);
    else add(cols - begin);
  }
};

/// The gradient of an embedding: each token, or position, of the step adds its rows in order. One team, one token.
template <class P, int G> struct embedding_dw_kernel : evaluate<P, G>, one_phase {
  using base = evaluate<P, G>;
  using base::at, base::c;
  static constexpr int out = plan_of<P>.groups[G].outputs[0];

  static constexpr bool by_position = at(out).part == chosen_by::position;

  int pieces(int) const { return groups().count; }
  KOKKOS_INLINE_FUNCTION row_groups groups() const { return by_position ? c.by_position : c.by_token; }
  KOKKOS_INLINE_FUNCTION std::size_t scratch_floats() const { return 0; }

  template <class Team> KOKKOS_INLINE_FUNCTION void work(Team const& t, int, int piece, float*) const {
    constexpr int in = at(out).in[0];
    row_groups const rows = groups();
    int const begin = rows.begins[piece], end = rows.begins[piece + 1], chosen = (by_position ? c.position : c.token)[rows.order[begin]];
    t.each(at(out).cols, [&](int k) {
      float total = 0;
      for (int i = begin; i < end; ++i) total += base::template value<in>(scope{}, rows.order[i], k);
      base::template store<out>(chosen, k, total);
    });
  }
};

}  // namespace cria::kernel
