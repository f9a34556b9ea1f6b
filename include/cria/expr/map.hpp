#pragma once
// Elementwise operators: +, -, *, silu, gelu, and maps from outside the library.
#include "cria/expr/expr.hpp"
#include "cria/expr/weight.hpp"

namespace cria {

/// x + y, x [axes], y [axes].
template <class S, class... F, class S2, class... F2> constexpr auto operator+(expr<S, F...> x, expr<S2, F2...> y) {
  if constexpr (same_shape<S, S2>) return make_expr<S>(unite<functors<F...>, functors<F2...>>{}, x.v + y.v);
  else {
    static_assert(same_shape<S, S2>, "x + y: the axes of x must be the axes of y");
    return failed{};
  }
}

/// x - y, x [axes], y [axes].
template <class S, class... F, class S2, class... F2> constexpr auto operator-(expr<S, F...> x, expr<S2, F2...> y) {
  if constexpr (same_shape<S, S2>) return make_expr<S>(unite<functors<F...>, functors<F2...>>{}, x.v - y.v);
  else {
    static_assert(same_shape<S, S2>, "x - y: the axes of x must be the axes of y");
    return failed{};
  }
}

/// x * y, elementwise, x [axes], y [axes].
template <class S, class... F, class S2, class... F2> constexpr auto operator*(expr<S, F...> x, expr<S2, F2...> y) {
  if constexpr (same_shape<S, S2>) return make_expr<S>(unite<functors<F...>, functors<F2...>>{}, x.v * y.v);
  else {
    static_assert(same_shape<S, S2>, "x * y: the axes of x must be the axes of y");
    return failed{};
  }
}

/// x + w, the same for every row: x [token, axis], w [axis].
template <class T, class A, class... F, class Tag, class B>
constexpr auto operator+(expr<shape<T, A>, F...> x, weight_t<Tag, B> w) {
  if constexpr (same_axis<A, B>) return expr<shape<T, A>, F...>{x.v + leaf(x.v.g, w)};
  else {
    static_assert(same_axis<A, B>, "x + w: the last axis of x must be the axis of w");
    return failed{};
  }
}

/// x * w, the same for every row: x [token, axis], w [axis].
template <class T, class A, class... F, class Tag, class B>
constexpr auto operator*(expr<shape<T, A>, F...> x, weight_t<Tag, B> w) {
  if constexpr (same_axis<A, B>) return expr<shape<T, A>, F...>{x.v * leaf(x.v.g, w)};
  else {
    static_assert(same_axis<A, B>, "x * w: the last axis of x must be the axis of w");
    return failed{};
  }
}

/// x times a number, which is rounded to f32.
template <class S, class... F> constexpr auto operator*(expr<S, F...> x, double by) { return expr<S, F...>{scale(x.v, by)}; }
template <class S, class... F> constexpr auto operator*(double by, expr<S, F...> x) { return x * by; }

/// x / (1 + exp(-x)), elementwise.
template <class S, class... F> constexpr auto silu(expr<S, F...> x) { return expr<S, F...>{silu(x.v)}; }

/// x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), elementwise (Hendrycks and Gimpel 2016, arXiv 1606.08415; `gelu_new` and
/// `gelu_pytorch_tanh` in transformers).
template <class S, class... F> constexpr auto gelu_tanh(expr<S, F...> x) { return expr<S, F...>{gelu_tanh(x.v)}; }

/// A map from outside the library: a struct with `static constexpr char name[]` and `static float apply(float)`, and
/// `template <int> static float derivative(float)` where a gradient goes through it. One that takes `auto` is computed
/// in f64 on plain tensors, which check_gradients wants. `static constexpr double flops` says what an element costs,
/// and its derivative as much (else 24, as silu).
template <class M> concept custom_map = requires(float x) {
  { M::name[0] } -> std::convertible_to<char>;
  { M::apply(x) } -> std::convertible_to<float>;
};

namespace detail {
template <class M> constexpr double flops_of_map() {
  if constexpr (requires { double(M::flops); }) return M::flops;
  else return 24;
}
}  // namespace detail

/// M::apply(x), elementwise.
template <class M, class S, class... F> constexpr auto map(expr<S, F...> x) {
  if constexpr (custom_map<M>) {
    node n{.kind = op::map, .f = fn::custom, .rows = x.v->rows, .cols = x.v->cols, .scalar = detail::flops_of_map<M>()};
    n.symbol = x.v.g->intern({&key_of<M>, M::name});
    return make_expr<S>(unite<functors<F...>, functors<M>>{}, append(x.v.g, n, x.v.id));
  } else {
    static_assert(custom_map<M>, "map<M>(x): M must have a name and a static apply(float) that returns a float");
    return failed{};
  }
}

template <class X> constexpr failed operator+(failed, X) { return {}; }
template <expression X> constexpr failed operator+(X, failed) { return {}; }
template <class X> constexpr failed operator-(failed, X) { return {}; }
template <expression X> constexpr failed operator-(X, failed) { return {}; }
template <class X> constexpr failed operator*(failed, X) { return {}; }
template <expression X> constexpr failed operator*(X, failed) { return {}; }
constexpr failed operator*(double, failed) { return {}; }
constexpr failed silu(failed) { return {}; }
constexpr failed gelu_tanh(failed) { return {}; }
template <class M> constexpr failed map(failed) { return {}; }

}  // namespace cria
