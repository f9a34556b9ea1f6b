#pragma once
// Arrays of a caller's, Kokkos::Views and mdspans, under the names and axes that blocks know them by. Nothing is copied or
// owned.
#include <Kokkos_Core.hpp>
#include <limits>

#include "cria/core/error.hpp"
#include "cria/core/shape.hpp"
#include "cria/expr/embedding.hpp"
#include "cria/kernel/context.hpp"

namespace cria {

/// What `bound` makes: rows where Name is `tokens`, else the weight called Name. Elements T, their distances, and the
/// extent of the first axis, in memory that Space tells of.
template <class Name, class Shape, class T, class Space> struct bound_array {
  T* data;
  kernel::strides at;
  int rows;
};

namespace detail {

/// What an array tells of itself: a View, or an mdspan, of Kokkos' or the standard library's.
template <class A> struct array_facts { static constexpr bool known = false; };
template <class A>
requires Kokkos::is_view_v<A>
struct array_facts<A> {
  static constexpr bool known = true;
  static constexpr int rank = int(A::rank);
  using element = typename A::value_type;
  using reference = typename A::reference_type;
  using space = typename A::memory_space;
  static element* data(A const& a) { return a.data(); }
  static std::string label(A const& a) { return a.label(); }
};

/// Plain memory of a host, unless the accessor knows of a space.
template <class Accessor> struct space_of_accessor { using type = Kokkos::HostSpace; };
template <class Accessor>
requires requires { typename Accessor::memory_space; }
struct space_of_accessor<Accessor> {
  using type = typename Accessor::memory_space;
};
template <class A>
concept mdspan_like = !Kokkos::is_view_v<A> && requires(A a) {
  typename A::accessor_type;
  a.data_handle();
  { A::is_always_strided() } -> std::convertible_to<bool>;
};
template <class Handle> auto pointer_of(Handle const& h) {
  if constexpr (requires { h.get(); })
    return h.get();  // a View's counts its owners
  else
    return h;
}
template <mdspan_like A> struct array_facts<A> {
  static constexpr bool known =
      A::is_always_strided() &&
      std::is_same_v<decltype(pointer_of(std::declval<A>().data_handle())), typename A::element_type*>;
  static constexpr int rank = int(A::rank());
  using element = typename A::element_type;
  using reference = typename A::reference;
  using space = typename space_of_accessor<typename A::accessor_type>::type;
  static element* data(A const& a) { return pointer_of(a.data_handle()); }
  static std::string label(A const&) { return "mdspan"; }
};

template <class A> constexpr char const* name_of_axis() {
  if constexpr (requires { A::tag::name[0]; })
    return A::tag::name;
  else
    return "without a name";
}

template <class A, class Array> int checked_extent(std::string_view where, Array const& a, int axis) {
  std::size_t const found = std::size_t(a.extent(std::size_t(axis))), most = std::size_t(std::numeric_limits<int>::max());
  std::string const what = std::string("extent of the axis ") + name_of_axis<A>();
  if (A::extent == dynamic && found > most)
    throw error(where, what, "at most " + std::to_string(most), std::to_string(found));
  if (A::extent != dynamic && found != std::size_t(A::extent))
    throw error(where, what, std::to_string(A::extent), std::to_string(found));
  return int(found);
}

template <class Name, class... Axes> struct named_shape {
  using type = shape<Axes...>;
  static std::string where(std::string const&) { return Name::name; }
};
template <class... Axes> struct named_shape<tokens, Axes...> {
  using type = shape<tokens, Axes...>;
  static std::string where(std::string const& label) { return label.empty() ? "rows" : label; }
};

template <class Name, class Array, class... Axes> auto bind(Array const& a, shape<Axes...>) {
  using facts = array_facts<Array>;
  std::string const where = named_shape<Name>::where(facts::label(a));
  int axis = 0, extent[2]{1, 1};
  ((extent[axis] = checked_extent<Axes>(where, a, axis), ++axis), ...);
  kernel::strides at;
  if constexpr (sizeof...(Axes) == 2)
    at = {std::ptrdiff_t(a.stride(0)), std::ptrdiff_t(a.stride(1))};
  else
    at = {0, std::ptrdiff_t(a.stride(0))};
  return bound_array<Name, shape<Axes...>, typename facts::element, typename facts::space>{facts::data(a), at, extent[0]};
}

}  // namespace detail

/// `bound<w1, F, E>(w)`: a weight [F, E]; `bound<tokens, E>(x)`: rows [token, E]; `bound<tokens>(ids)`: a token for each
/// row. Elements are float, those of ids int. The array, a Kokkos::View or an mdspan, may have any strides and must live
/// until what reads it is done. Throws where an extent is not its axis'.
template <class Name, class... Axes, class Array> auto bound(Array const& a) {
  using facts = detail::array_facts<Array>;
  using named = typename detail::named_shape<Name, Axes...>::type;
  if constexpr (!facts::known) {
    static_assert(facts::known, "bound(a): a must be a Kokkos::View, or an mdspan with strides");
    return failed{};
  } else if constexpr (facts::rank != named::rank) {
    static_assert(facts::rank == named::rank, "bound(a): a must have one axis for each that is named");
    return failed{};
  } else {
    using element = std::remove_const_t<typename facts::element>;
    constexpr bool plain = std::is_same_v<typename facts::reference, typename facts::element&>;
    constexpr bool good =
        plain && std::is_same_v<element, std::conditional_t<std::is_same_v<named, shape<tokens>>, int, float>>;
    if constexpr (good)
      return detail::bind<Name>(a, named{});
    else {
      static_assert(good, "bound(a): the elements of a must be float, and int where they are tokens");
      return failed{};
    }
  }
}

}  // namespace cria
