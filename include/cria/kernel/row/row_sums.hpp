#pragma once
// The row sums that a kernel computes again for its own rows.
#include "cria/kernel/evaluate.hpp"
#include "cria/kernel/team.hpp"

namespace cria::kernel {

namespace detail {

template <class P, int G, int S, class Team>
KOKKOS_INLINE_FUNCTION void fill_row_sum(evaluate<P, G> const& from, Team const& t, scope const& e, int row, float* to,
                                         int stride) {
  using values = evaluate<P, G>;
  constexpr node n = values::at(values::row_sums().at[S]);
  constexpr int in = n.in[0], cols = n.size > 0 ? n.size : values::at(in).cols;
  for (int head = 0; head < n.cols; ++head) {
    float const total = t.sum(cols, [&](int k) { return from.template value<in>(e, row, head * cols + k); });
    t.each(1, [&](int) { to[head * stride] = total; });
    t.barrier();
  }
}
template <class P, int G, class Team, int... S>
KOKKOS_INLINE_FUNCTION void fill_row_sums([[maybe_unused]] evaluate<P, G> const& from, [[maybe_unused]] Team const& t,
                                          [[maybe_unused]] scope const& e, [[maybe_unused]] int row,
                                          [[maybe_unused]] float* to, [[maybe_unused]] int stride,
                                          std::integer_sequence<int, S...>) {
  (fill_row_sum<P, G, S>(from, t, e, row, to + evaluate<P, G>::sums_before(S) * stride, stride), ...);
}

}  // namespace detail

/// Puts the row sums of one row at to[0], to[stride], ... in the order in which later ones may read earlier ones through `e`.
template <class P, int G, class Team>
KOKKOS_INLINE_FUNCTION void fill_row_sums(evaluate<P, G> const& from, Team const& t, scope const& e, int row, float* to,
                                          int stride) {
  detail::fill_row_sums(from, t, e, row, to, stride, std::make_integer_sequence<int, evaluate<P, G>::row_sums().count>{});
}

}  // namespace cria::kernel
