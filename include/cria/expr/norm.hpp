#pragma once
// Normalisation of a row.
#include "cria/expr/expr.hpp"
#include "cria/expr/weight.hpp"

namespace cria {

/// Root mean square norm (Zhang and Sennrich 2019, arXiv 1910.07467): x / sqrt(mean(x^2) + epsilon) * w,
/// x [token, axis], w [axis].
template <class T, class A, class... F, class Tag, class B>
constexpr auto rms_norm(expr<shape<T, A>, F...> x, weight_t<Tag, B> w, double epsilon = 1e-5) {
  if constexpr (same_axis<A, B>) return expr<shape<T, A>, F...>{rms_norm(x.v, leaf(x.v.g, w), epsilon)};
  else {
    static_assert(same_axis<A, B>, "rms_norm(x, w): the last axis of x must be the axis of w");
    return failed{};
  }
}

namespace detail {
template <class X, class W> inline constexpr bool rows_and_vector = false;
}

template <class X, class W> constexpr failed rms_norm(X, W, double = 0) {
  static_assert(detail::rows_and_vector<X, W>, "rms_norm(x, w): x must be an expression and w a weight of one axis");
  return {};
}
template <class W> constexpr failed rms_norm(failed, W, double = 0) { return {}; }

}  // namespace cria
