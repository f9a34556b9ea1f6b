#pragma once
// Rotary position embedding.
#include "cria/expr/expr.hpp"

namespace cria {

namespace detail {
template <class A> inline constexpr bool even_heads = false;
template <class Tag, int Count, int Size> inline constexpr bool even_heads<heads<Tag, Count, Size>> = Size % 2 == 0;
}  // namespace detail

/// Rotates the pairs (2i, 2i + 1) of each head, by position, at the frequencies of `turn` (in Meta's order of pairs): x
/// [token, heads<...>].
template <class T, class A, class... F> constexpr auto rope(expr<shape<T, A>, F...> x, rotation turn = {}) {
  if constexpr (!is_heads<A>) {
    static_assert(is_heads<A>, "rope(x): the last axis of x must be heads");
    return failed{};
  } else if constexpr (!detail::even_heads<A>) {
    static_assert(detail::even_heads<A>, "rope(x): the size of a head must be even");
    return failed{};
  } else {
    return expr<shape<T, A>, F...>{rope(x.v, x.v.g->intern({turn, A::size}), 1)};
  }
}

/// The same, without scaling.
template <class X>
requires requires { typename X::shape_type; }
constexpr auto rope(X x, double theta) { return rope(x, rotation{.theta = theta}); }

constexpr failed rope(failed, rotation = {}) { return {}; }
constexpr failed rope(failed, double) { return {}; }

}  // namespace cria
