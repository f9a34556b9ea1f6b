#pragma once
// Row operators from outside the library, with a kernel and a shape rule of their own.
#include "cria/expr/expr.hpp"

namespace cria {

namespace detail {
/// A stand-in for a team and for what gets and puts elements.
struct any_part {
  template <class... A> float operator()(A...) const;
};
}  // namespace detail

/// A struct with `static constexpr char name[]`, `template <class Axis> using result = ...` (the shape rule), and
/// `template <class Team, class Get, class Put> static void row(Team const&, Get const& get, Put const& put, int n)`:
/// get(i) is element i of a row of n, put(i, value) stores element i of the result. Maps before it are evaluated by
/// get. Where a gradient goes through it, also `template <class Team, class GetX, class GetDy, class Put> static void
/// back(Team const&, GetX const& x, GetDy const& dy, Put const& put, int n)`: x(i) and dy(i) are elements of the row
/// and of the result's gradient, put(i, value) stores element i of the row's gradient. `static constexpr double
/// flops(int n)` says what a row costs, and back as much (else 24 n).
template <class M, class A> concept custom_row_operator = requires(detail::any_part p) {
  { M::name[0] } -> std::convertible_to<char>;
  { M::template result<A>::extent } -> std::convertible_to<int>;
  M::row(p, p, p, 0);
};

namespace detail {
template <class M> constexpr double flops_of_row(int n) {
  if constexpr (requires { double(M::flops(n)); }) return M::flops(n);
  else return 24.0 * n;
}
}  // namespace detail

/// M along each row: x [token, axis] -> [token, M::result<axis>].
template <class M, class T, class A, class... F> constexpr auto custom_row(expr<shape<T, A>, F...> x) {
  if constexpr (custom_row_operator<M, A>) {
    using out = typename M::template result<A>;
    node n{.kind = op::custom_row, .f = fn::custom, .cols = out::extent, .scalar = detail::flops_of_row<M>(A::extent)};
    n.symbol = x.v.g->intern({&key_of<M>, M::name});
    return make_expr<shape<T, out>>(unite<functors<F...>, functors<M>>{}, append(x.v.g, n, x.v.id));
  } else {
    static_assert(custom_row_operator<M, A>, "custom_row<M>(x): M must have a name, a result axis and a static row");
    return failed{};
  }
}

template <class M> constexpr failed custom_row(failed) { return {}; }

}  // namespace cria
