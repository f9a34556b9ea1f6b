#pragma once
// Normalisation of a row, or of each head of a row.
#include "cria/expr/expr.hpp"
#include "cria/expr/weight.hpp"

namespace cria {

/// Root mean square norm (Zhang and Sennrich 2019, arXiv 1910.07467): x / sqrt(mean(x^2) + epsilon) * w,
/// x [token, axis], w [axis].
template <class T, class A, class... F, class Tag, class B>
constexpr auto rms_norm(expr<shape<T, A>, F...> x, weight_t<Tag, B> w, double epsilon = 1e-5) {
  if constexpr (same_axis<A, B>) return expr<shape<T, A>, F...>{normalise(x.v, epsilon) * leaf(x.v.g, w)};
  else {
    static_assert(same_axis<A, B>, "rms_norm(x, w): the last axis of x must be the axis of w");
    return failed{};
  }
}

/// The same without a weight: x / sqrt(mean(x^2) + epsilon), x [token, axis].
template <class T, class A, class... F> constexpr auto normalise(expr<shape<T, A>, F...> x, double epsilon = 1e-5) {
  return expr<shape<T, A>, F...>{normalise(x.v, epsilon)};
}

/// Layer norm (Ba et al. 2016, arXiv 1607.06450): c / sqrt(mean(c^2) + epsilon) * w + b, where c = x - mean(x),
/// x [token, axis], w [axis], b [axis].
template <class T, class A, class... F, class Tag, class B, class Tag2, class C>
constexpr auto layer_norm(expr<shape<T, A>, F...> x, weight_t<Tag, B> w, weight_t<Tag2, C> b, double epsilon = 1e-5) {
  if constexpr (same_axis<A, B> && same_axis<A, C>) {
    return expr<shape<T, A>, F...>{normalise(centre(x.v), epsilon) * leaf(x.v.g, w) + leaf(x.v.g, b)};
  } else {
    static_assert(same_axis<A, B> && same_axis<A, C>, "layer_norm(x, w, b): the last axis of x must be the axis of w and b");
    return failed{};
  }
}

namespace detail {
template <class X, class W> inline constexpr bool rows_and_vector = false;
template <class A, class B> inline constexpr bool has_size_of_head = false;
template <class Tag, int Count, int Size, class B>
inline constexpr bool has_size_of_head<heads<Tag, Count, Size>, B> = B::extent == Size;
}  // namespace detail

/// rms_norm of each head alone, the same w for all: x [token, heads<.., n, size>], w [axis of size] -> as x. Qwen 3
/// (arXiv 2505.09388) normalises queries and keys so, before they are rotated.
template <class T, class A, class... F, class Tag, class B>
constexpr auto head_rms_norm(expr<shape<T, A>, F...> x, weight_t<Tag, B> w, double epsilon = 1e-5) {
  if constexpr (!is_heads<A>) {
    static_assert(is_heads<A>, "head_rms_norm(x, w): the last axis of x must be heads");
    return failed{};
  } else if constexpr (!detail::has_size_of_head<A, B>) {
    static_assert(detail::has_size_of_head<A, B>, "head_rms_norm(x, w): the axis of w must be as long as a head of x");
    return failed{};
  } else {
    return expr<shape<T, A>, F...>{normalise_heads(x.v, A::size, epsilon) * in_each_head(leaf(x.v.g, w), A::count)};
  }
}

template <class X, class W> constexpr failed rms_norm(X, W, double = 0) {
  static_assert(detail::rows_and_vector<X, W>, "rms_norm(x, w): x must be an expression and w a weight of one axis");
  return {};
}
template <class W> constexpr failed rms_norm(failed, W, double = 0) { return {}; }
constexpr failed normalise(failed, double = 0) { return {}; }
template <class X, class W> constexpr failed head_rms_norm(X, W, double = 0) {
  static_assert(detail::rows_and_vector<X, W>, "head_rms_norm(x, w): x must be an expression and w a weight of one axis");
  return {};
}
template <class W> constexpr failed head_rms_norm(failed, W, double = 0) { return {}; }
template <class X, class W, class B> constexpr failed layer_norm(X, W, B, double = 0) {
  static_assert(detail::rows_and_vector<X, W>, "layer_norm(x, w, b): x must be an expression, w and b weights of one axis");
  return {};
}
template <class W, class B> constexpr failed layer_norm(failed, W, B, double = 0) { return {}; }

}  // namespace cria
