#pragma once
// Programs: a tag type that names a block and a policy, and the plan that belongs to it. Only the tag and an integer reach
// a kernel's name.
#include "cria/graph/record.hpp"
#include "cria/graph/differentiate.hpp"
#include "cria/graph/fuse.hpp"
#include "cria/graph/place.hpp"
#include "cria/graph/policy.hpp"

namespace cria {

namespace detail {

constexpr bool blocks_fit(graph const& g) {
  for (int i = 0; i < g.count; ++i)
    if (g.nodes[i].kind == op::weight && g.nodes[i].cols % facts(g.nodes[i].type).block != 0) return false;
  return true;
}
constexpr bool shapes_agree(graph const& g) {
  for (int i = 0; i < g.count; ++i)
    for (int j = 0; j < i; ++j)
      if (g.nodes[i].kind == op::weight && g.nodes[j].kind == op::weight && g.name(i) == g.name(j)) return false;
  return true;
}
template <class P> inline constexpr bool rows_are_blocks = blocks_fit(P::recorded());
template <class P> inline constexpr bool names_are_shapes = shapes_agree(P::recorded());

/// Whether the caches and tables of a block are enough for it.
constexpr bool arrays_hold(graph const& g) {
  for (int i = 0; i < g.count; ++i)
    if (g.nodes[i].kind == op::rope && rotary_index(g, i) >= max_rotations) return false;
  return g.count_of(op::attention) <= max_attentions;
}
template <class P> inline constexpr bool few_enough = arrays_hold(P::recorded());

template <class F> concept has_derivative = requires(float x) { F::template derivative<0>(x); };
template <class L> inline constexpr bool trainable = false;
template <class... F> inline constexpr bool trainable<functors<F...>> = (has_derivative<F> && ...);

}  // namespace detail

/// The forward of a block: what inference runs. Keys and values are in the cache.
template <class Block, class Policy> struct forward_of {
  using policy = Policy;
  using functors = functors_in<Block>;
  static constexpr graph recorded() { return with_formats<typename Policy::weights>(record<Block>()); }
  static constexpr plan make() {
    static_assert(detail::names_are_shapes<forward_of>, "weights: one name must stand for one shape");
    static_assert(detail::rows_are_blocks<forward_of>, "formats: the last axis of a quantised weight must be a multiple of 32");
    static_assert(detail::few_enough<forward_of>, "a block may have at most 2 attentions and 2 different rotations");
    constexpr plan p = place(fuse(recorded(), true), true);
    static_assert(!p.g.full, "a block is too large for one graph: make stages of it");
    return p;
  }
};

/// The value of a block and the gradients of its input and weights; outputs as in `differentiate`.
template <class Block, class Policy> struct gradient_of {
  using policy = Policy;
  using functors = functors_in<Block>;
  static constexpr graph recorded() { return differentiate(with_formats<typename Policy::weights>(record<Block>())); }
  static constexpr plan make() {
    if constexpr (detail::trainable<functors>) {
      constexpr plan p = place(fuse(recorded(), false), false);
      static_assert(!p.g.full, "a block is too large for one graph: make stages of it");
      return p;
    } else {
      static_assert(detail::trainable<functors>, "gradient_of: a custom operator needs a derivative to be trained");
      return plan{};
    }
  }
};

/// Whether a graph reads a row's position or other rows.
constexpr bool looks_around(graph const& g) { return g.count_of(op::rope) + g.count_of(op::attention) > 0; }

/// The plan of a program, computed once by the compiler.
template <class P> inline constexpr plan plan_of = P::make();

}  // namespace cria
