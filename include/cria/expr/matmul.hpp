#pragma once
// The contraction over the last axis.
#include "cria/expr/expr.hpp"
#include "cria/expr/weight.hpp"

namespace cria {

/// x w^T: x [token, in], w [out, in] -> [token, out].
template <class T, class A, class... F, class Tag, class Out, class In>
constexpr auto matmul(expr<shape<T, A>, F...> x, weight_t<Tag, Out, In> w) {
  if constexpr (same_axis<A, In>) return expr<shape<T, Out>, F...>{matmul(x.v, leaf(x.v.g, w))};
  else {
    static_assert(same_axis<A, In>, "matmul(x, w): the last axis of x must be the last axis of w");
    return failed{};
  }
}

namespace detail {
template <class X, class W> inline constexpr bool rows_and_matrix = false;
}

template <class X, class W> constexpr failed matmul(X, W) {
  static_assert(detail::rows_and_matrix<X, W>, "matmul(x, w): x must be an expression and w a weight of two axes");
  return {};
}
template <class W> constexpr failed matmul(failed, W) { return {}; }

}  // namespace cria
