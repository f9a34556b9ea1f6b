#pragma once
// Row kernels: maps and row sums that must be in memory, and row operators from outside the library. One team, one row; maps that
// compute sums over heads again share a kernel.
#include "cria/kernel/row/row_sums.hpp"

namespace cria::kernel {

template <class P, int G> struct row_kernel : evaluate<P, G>, one_phase {
  using base = evaluate<P, G>;
  using base::at, base::c;
  static constexpr int out = plan_of<P>.groups[G].outputs[0];
  static constexpr group g = plan_of<P>.groups[G];

  int pieces(int) const { return at(out).rows == per_token ? c.rows : at(out).rows; }
  KOKKOS_INLINE_FUNCTION std::size_t scratch_floats() const { return std::size_t(base::sum_count); }

  template <class Team> KOKKOS_INLINE_FUNCTION void work(Team const& t, int, int row, float* scratch) const {
    constexpr node n = at(out);
    scope const e{.row_sums = scratch, .row0 = row};
    fill_row_sums<P, G>(*this, t, e, row, scratch, 1);
    t.barrier();
    if constexpr (n.kind == op::row_sum) {
      constexpr int cols = n.size > 0 ? n.size : at(n.in[0]).cols;
      for (int head = 0; head < n.cols; ++head) {
        float const total = t.sum(cols, [&](int k) { return base::template value<n.in[0]>(e, row, head * cols + k); });
        t.each(1, [&](int) { base::template store<out>(row, head, total); });
      }
    } else if constexpr (n.kind == op::log_sum_exp) {
      auto const get = [&](int k) { return base::template value<n.in[0]>(e, row, k); };
      float const top = t.largest(at(n.in[0]).cols, get),
                  total = t.sum(at(n.in[0]).cols, [&](int k) { return exp(get(k) - top); });
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
      maps(t, e, row, std::make_integer_sequence<int, g.output_count>{});
    }
  }

 private:
  template <class Team, int... O>
  KOKKOS_INLINE_FUNCTION void maps(Team const& t, scope const& e, int row, std::integer_sequence<int, O...>) const {
    (map<g.outputs[O]>(t, e, row), ...);
  }
  /// What lies in heads goes to memory as a tile's columns do: a cache may take whole blocks only, and pairs share
  /// their rotation.
  template <int O, class Team> KOKKOS_INLINE_FUNCTION void map(Team const& t, scope const& e, int row) const {
    constexpr node n = at(O);
    constexpr int L = Team::lanes_at_once;
    constexpr region to = plan_of<P>.where[O].at;
    constexpr bool in_heads = n.kind == op::rope || to == region::key_cache || to == region::value_cache;
    if constexpr (in_heads && n.cols % L == 0) {
      t.each(n.cols / L, [&](int b) {
        scope own = e;
        own.lanes = L, own.col0 = b * L;
        float x[L];
        for (int l = 0; l < L; l += 2) {
          x[l] = base::template value<O>(own, row, own.col0 + l);
          x[l + 1] = base::template value<O>(own, row, own.col0 + l + 1);
        }
        base::template store_lanes<O>(row, own.col0, x);
      });
    } else {
      t.each(n.cols, [&](int k) { base::template store<O>(row, k, base::template value<O>(e, row, k)); });
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
    constexpr int cols = at(out).cols;
    int const begin = piece * columns;
    auto const add = [&](int n) {
      t.each(n, [&](int i) { total[i] = 0; });
      for (int row = 0; row < c.rows; ++row) t.each(n, [&](int i) { total[i] += sum_of_heads(row, begin + i); });
      t.each(n, [&](int i) { base::template store<out>(0, begin + i, total[i]); });
    };
    if (begin + columns <= cols) add(columns);
    else add(cols - begin);
  }

 private:
  /// Column `col` of the operand; of all its heads, where a head's values are summed.
  KOKKOS_FORCEINLINE_FUNCTION float sum_of_heads(int row, int col) const {
    constexpr int in = at(out).in[0], cols = at(out).cols, heads = at(out).size > 0 ? at(in).cols / cols : 1;
    float total = base::template value<in>(scope{}, row, col);
    for (int head = 1; head < heads; ++head) total += base::template value<in>(scope{}, row, head * cols + col);
    return total;
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
    int const begin = rows.begins[piece], end = rows.begins[piece + 1],
              chosen = (by_position ? c.position : c.token)[rows.order[begin]];
    t.each(at(out).cols, [&](int k) {
      float total = 0;
      for (int i = begin; i < end; ++i) total += base::template value<in>(scope{}, rows.order[i], k);
      base::template store<out>(chosen, k, total);
    });
  }
};

}  // namespace cria::kernel
