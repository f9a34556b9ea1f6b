#pragma once
// The set of custom operators that an expression has met: a list of types, united at each operator.
#include <concepts>
#include <type_traits>

namespace cria {

/// A list of operators from outside the library, each once.
template <class... F> struct functors {
  static constexpr int count = sizeof...(F);
};

namespace detail {

template <class L, class... R> struct unite_t { using type = L; };
template <class... L, class F, class... R> struct unite_t<functors<L...>, F, R...>
    : unite_t<std::conditional_t<(std::is_same_v<F, L> || ...), functors<L...>, functors<L..., F>>, R...> {};

template <class A, class B> struct unite_lists;
template <class... A, class... B> struct unite_lists<functors<A...>, functors<B...>> : unite_t<functors<A...>, B...> {};

template <int I, class L> struct functor_at;
template <class H, class... R> struct functor_at<0, functors<H, R...>> { using type = H; };
template <int I, class H, class... R> struct functor_at<I, functors<H, R...>> : functor_at<I - 1, functors<R...>> {};

}  // namespace detail

template <class A, class B> using unite = typename detail::unite_lists<A, B>::type;
template <int I, class L> using functor_at = typename detail::functor_at<I, L>::type;

}  // namespace cria
