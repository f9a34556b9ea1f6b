#pragma once
// The slots of a variant, tried one by one before they are put together, the inner ones first: a mistake is one error, of the
// slot that it is in, and not one of each place where the slot stands.
#include "cria/expr.hpp"
#include "cria/graph/record.hpp"
#include "cria/nn/decoder.hpp"
#include "cria/nn/hook.hpp"

namespace cria::nn {

/// Whether every slot of D is a template on what a decoder gives it.
template <class D> concept has_slots = requires {
  typename D::template linear<wo, typename D::embed, typename D::query>;
  typename D::template norm<D, attention_norm>;
  typename D::template position<D>;
  typename D::template attention<D>;
  typename D::template feed_forward<D>;
  typename D::template residual<D>;
  typename D::template hook<D, between>;
  typename D::template embedding<D>;
  typename D::template head<D>;
};

namespace detail {

// Whether a slot lacks a function, found out without compiling one: the name is ambiguous otherwise. Not asked of a final struct.
struct names { int forward, at_input, rotate; };
template <class Slot> struct with_names : Slot, names {};
template <class Slot> concept lacks_forward = !std::is_final_v<Slot> && requires { &with_names<Slot>::forward; };
template <class Slot> concept lacks_at_input = !std::is_final_v<Slot> && requires { &with_names<Slot>::at_input; };
template <class Slot> concept lacks_rotate = !std::is_final_v<Slot> && requires { &with_names<Slot>::rotate; };
template <class Slot> inline constexpr bool has_forward = !lacks_forward<Slot>;
template <class Slot> inline constexpr bool has_both = !lacks_at_input<Slot> && !lacks_rotate<Slot>;

/// The two functions of a position, as forward.
template <class Position> struct at_input_of {
  static constexpr auto forward(auto x) { return Position::at_input(expr<token_ids>{}, x); }
};
template <class Position> struct rotate_of {
  static constexpr auto forward(auto x) { return Position::rotate(x); }
};

// Places of a decoder D: the value, what is put in, and the axis of the rows that must come back. Errors show their names.
template <class D> struct stream {
  using axis = typename D::embed;
  using x = expr<shape<tokens, axis>>;
};
template <class D> struct matrix : stream<D> {
  using x = expr<shape<tokens, typename D::query>>;
  using value = typename D::template linear<wo, typename D::embed, typename D::query>;
};
template <class D> struct norms : stream<D> { using value = typename D::template norm<D, attention_norm>; };
template <class D> struct enters : stream<D> { using value = at_input_of<typename D::template position<D>>; };
template <class D> struct turns {
  using axis = typename D::query;
  using x = expr<shape<tokens, axis>>;
  using value = rotate_of<typename D::template position<D>>;
};
template <class D> struct attends : stream<D> { using value = typename D::template attention<D>; };
template <class D> struct feeds : stream<D> { using value = typename D::template feed_forward<D>; };
template <class D> struct hooks : stream<D> { using value = typename D::template hook<D, between>; };
template <class D> struct layer : stream<D> { using value = block_stage<D>; };
template <class D> struct first : stream<D> {
  using x = expr<token_ids>;
  using value = embedding_stage<D>;
};
template <class D> struct last : stream<D> {
  using axis = typename D::vocabulary;
  using value = head_stage<D>;
};

template <class Value, class Result, class Axis> inline constexpr bool returns = same_rows<expr<shape<tokens, Axis>>, Result>;

/// Whether the value of a place fits. Where Go is false an error was told of already.
template <class Place, bool Go> constexpr bool fits() {
  using value = typename Place::value;
  if constexpr (!Go) return false;
  else if constexpr (!has_forward<value>) {
    static_assert(has_forward<value>, "a slot of a decoder must have a static forward");
    return false;
  } else {
    using result = decltype(value::forward(typename Place::x{}));
    constexpr bool right = returns<value, result, typename Place::axis>;
    static_assert(returns<value, result, typename Place::axis>,
                  "a slot of a decoder must return rows of the axis that comes last here");
    return right && !std::is_same_v<result, failed>;
  }
}
template <class Position, bool Go> constexpr bool is_position() {
  if constexpr (Go) static_assert(has_both<Position>, "the slot position must have a static at_input and a static rotate");
  return Go && has_both<Position>;
}

}  // namespace detail

/// Whether the slots of D fit each other. What does not is told of in one sentence.
template <class D> struct slots {
  enum : bool { fit = false };
};
template <has_slots D> struct slots<D> {
  // An enumeration, whose values compilers work out one after the other and not within each other.
  enum : bool {
    matrix = detail::fits<detail::matrix<D>, true>(),
    norms = detail::fits<detail::norms<D>, matrix>(),
    position = detail::is_position<typename D::template position<D>, norms>(),
    enters = detail::fits<detail::enters<D>, position>(),
    turns = detail::fits<detail::turns<D>, enters>(),
    attends = detail::fits<detail::attends<D>, turns>(),
    feeds = detail::fits<detail::feeds<D>, attends>(),
    hooks = detail::fits<detail::hooks<D>, feeds>(),
    layer = detail::fits<detail::layer<D>, hooks>(),
    first = detail::fits<detail::first<D>, layer>(),
    fit = detail::fits<detail::last<D>, first>()
  };
};

/// A stage after an error.
template <class Input> struct failed_stage {
  using input = Input;
  static constexpr auto forward(auto) { return failed{}; }
};

}  // namespace cria::nn
