#pragma once
// The expression: its type is its axes and the operators from outside the library, what it is made of is a value.
#include "cria/core/shape.hpp"
#include "cria/expr/functors.hpp"
#include "cria/expr/build.hpp"

namespace cria {

/// A value of the given axes in a graph that is being recorded. About 90 bytes when printed, at any depth.
template <class Shape, class... Functors> struct expr {
  using shape_type = Shape;
  var v;
};

/// What an operator returns after it has reported an error: every operator takes it and passes it on in silence, so that
/// one mistake is one error.
struct failed {};

template <class T> inline constexpr bool is_expr = false;
template <class S, class... F> inline constexpr bool is_expr<expr<S, F...>> = true;
/// A value of a graph that is being recorded.
template <class T> concept expression = is_expr<T>;

/// An expression of shape S with the operators of a list.
template <class S, class... F> constexpr expr<S, F...> make_expr(functors<F...>, var v) { return {v}; }

/// The operators from outside in an expression.
template <class X> struct functors_of_t;
template <class S, class... F> struct functors_of_t<expr<S, F...>> { using type = functors<F...>; };
template <class X> using functors_of = typename functors_of_t<X>::type;

}  // namespace cria
