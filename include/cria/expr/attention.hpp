#pragma once
// Causal attention, with as many or fewer heads for keys and values as for queries.
#include "cria/expr/expr.hpp"

namespace cria {

namespace detail {
template <class Q, class K> inline constexpr bool same_head_size = Q::size == K::size;
template <class Q, class K> inline constexpr bool heads_divide = Q::count % K::count == 0;
}  // namespace detail

/// softmax(q k^T / sqrt(size)) v for each query head, over the rows of the same sequence up to the row's own position;
/// query head h reads kv head h / (heads / kv heads) (Ainslie et al. 2023, arXiv 2305.13245). With a window, over the
/// last `window` positions, the row's own among them (Jiang et al. 2023, arXiv 2310.06825); 0 or less: over all.
/// q [token, heads<.., H, size>], k and v [token, heads<.., KV, size>] -> as q.
template <class T, class Q, class... F, class K, class... F2, class V, class... F3>
constexpr auto attention(expr<shape<T, Q>, F...> q, expr<shape<T, K>, F2...> k, expr<shape<T, V>, F3...> v, int window = 0) {
  if constexpr (!(is_heads<Q> && is_heads<K>)) {
    static_assert(is_heads<Q> && is_heads<K>, "attention(q, k, v): the last axes must be heads");
    return failed{};
  } else if constexpr (!same_axis<K, V>) {
    static_assert(same_axis<K, V>, "attention(q, k, v): the last axis of k must be the last axis of v");
    return failed{};
  } else if constexpr (!detail::same_head_size<Q, K>) {
    static_assert(detail::same_head_size<Q, K>, "attention(q, k, v): the heads of q and k must be of one size");
    return failed{};
  } else if constexpr (!detail::heads_divide<Q, K>) {
    static_assert(detail::heads_divide<Q, K>, "attention(q, k, v): the number of heads of q must be a multiple of that of k");
    return failed{};
  } else {
    using all = unite<unite<functors<F...>, functors<F2...>>, functors<F3...>>;
    return make_expr<shape<T, Q>>(all{}, attention(q.v, k.v, v.v, Q::size, window > 0 ? window : 0));
  }
}

template <class K, class V> constexpr failed attention(failed, K, V, int = 0) { return {}; }
template <expression Q, class V> constexpr failed attention(Q, failed, V, int = 0) { return {}; }
template <expression Q, expression K> constexpr failed attention(Q, K, failed, int = 0) { return {}; }

}  // namespace cria
