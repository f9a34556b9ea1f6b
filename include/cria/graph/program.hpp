#pragma once
// Programs: a tag type that names a block and a policy, and the plan that belongs to it. Only the tag and an integer reach
// a kernel's name.
#include "cria/expr/custom_row.hpp"
#include "cria/graph/record.hpp"
#include "cria/graph/differentiate.hpp"
#include "cria/graph/fuse.hpp"
#include "cria/graph/place.hpp"
#include "cria/graph/policy.hpp"

namespace cria {

namespace detail {

constexpr bool blocks_fit(graph const& g) {
  for (int i = 0; i < g.count; ++i)
    for (int k = 0; g.nodes[i].kind == op::weight && k < g.nodes[i].type.count; ++k)
      if (g.nodes[i].cols % facts(g.nodes[i].type.type[std::size_t(k)]).block != 0) return false;
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
  return g.rotation_count <= max_rotations && g.count_of(op::attention) <= max_attentions;
}
/// Whether each name is captured once, and no key or value that attention finds in the cache.
constexpr bool captures_stand(graph const& g) {
  for (int i = 0; i < g.capture_count; ++i) {
    for (int k = 0; k < i; ++k)
      if (g.captures[i].symbol == g.captures[k].symbol) return false;
    for (int u = 0; u < g.count; ++u)
      for (int k = 1; k < 3; ++k)
        if (g.nodes[u].kind == op::attention && g.nodes[u].in[k] == g.outputs[g.captures[i].at]) return false;
  }
  return true;
}
template <class P> inline constexpr bool captures_right = captures_stand(P::recorded());
template <class P> inline constexpr bool few_enough = arrays_hold(P::recorded());

template <class F> concept map_derivative = requires(float x) { F::template derivative<0>(x); };
template <class F> concept row_derivative = requires(any_part p) { F::back(p, p, p, p, 0); };

/// Whether the operators from outside that gradients go through have derivatives.
template <class... F> constexpr bool has_derivatives(gradient_graph const& d, functors<F...>) {
  bool const of_map[] = {map_derivative<F>..., true}, of_row[] = {row_derivative<F>..., true};
  for (int i = d.forward; i < d.g.count; ++i) {
    node const& n = d.g.nodes[i];
    if (n.f == fn::custom && n.part >= 0 && !(n.kind == op::map ? of_map : of_row)[n.functor]) return false;
  }
  return true;
}

}  // namespace detail

/// The forward of a block: what inference runs. Keys and values are in the cache.
template <class Block, class Policy> struct forward_of {
  using policy = Policy;
  using functors = functors_in<Block>;
  static constexpr graph recorded() { return with_formats<typename Policy::weights>(record<Block>()); }
  static constexpr plan make() {
    static_assert(detail::names_are_shapes<forward_of>, "weights: one name must stand for one shape");
    static_assert(detail::rows_are_blocks<forward_of>,
                  "formats: the last axis of a quantised weight must be a multiple of its block, 32 or 256");
    static_assert(detail::few_enough<forward_of>, "a block may have at most 2 attentions and 2 different rotations");
    static_assert(detail::captures_right<forward_of>,
                  "capture: one name for one value, and keys and values before attention reads them");
    constexpr plan p = place(fuse(recorded()), true);
    static_assert(!p.g.full, "a block is too large for one graph: make stages of it");
    return p;
  }
};

/// The forward of a block on arrays of the caller's, f32, wherever their elements lie. Without a cache: rows are whole sequences.
template <class Block> struct in_place_of {
  using policy = policy::exact<>;
  using functors = functors_in<Block>;
  static constexpr bool in_place = true;
  static constexpr graph recorded() { return record<Block>(); }
  static constexpr plan make() {
    static_assert(detail::names_are_shapes<in_place_of>, "weights: one name must stand for one shape");
    static_assert(detail::few_enough<in_place_of>, "a block may have at most 2 attentions and 2 different rotations");
    constexpr plan p = place(fuse(recorded()), false);
    static_assert(!p.g.full, "a block is too large for one graph: make stages of it");
    return p;
  }
};

/// A block in training: Keep says what of the forward is kept for the backward, Trained which weights get gradients, OfInput
/// whether the input gets one.
template <class Block, class Policy, class Keep = keep::dear, class Trained = train_weights::all, bool OfInput = true>
struct training_of {
  using policy = Policy;
  using functors = functors_in<Block>;
  static constexpr gradient_graph gradients =
      differentiate<Trained>(with_formats<typename Policy::weights>(record<Block>()), OfInput);
  static constexpr detail::node_set kept = Keep::of(gradients);
  static constexpr std::size_t kept_bytes_per_row = sizeof(float) * std::size_t(kept_floats(gradients, kept));
  static constexpr bool has_gradients = gradients.g.output_count > 0;
};

namespace detail {

template <class Functors, class Training>
inline constexpr bool derivatives_known = has_derivatives(Training::gradients, Functors{});

/// Whether there is a derivative of all that gradients go through; told of once, however many programs are made of it.
template <class Training> constexpr bool has_rules() {
  using functors = typename Training::functors;
  static_assert(Training::gradients.without_rule < 0, "training: an operator has no rule of differentiation");
  static_assert(derivatives_known<functors, Training>, "training: a custom operator needs a derivative");
  return Training::gradients.without_rule < 0 && derivatives_known<functors, Training>;
}

template <class Training, graph (*Part)(gradient_graph const&, node_set const&)> struct training_program {
  using policy = typename Training::policy;
  using functors = typename Training::functors;
  static constexpr plan make() {
    constexpr bool known = has_rules<Training>();
    constexpr plan p = place(fuse(known ? Part(Training::gradients, Training::kept) : graph{}), false);
    static_assert(!p.g.full, "a block is too large for one graph: make stages of it");
    return p;
  }
};

}  // namespace detail

/// The forward of a training step, which keeps what the backward wants; outputs as in `forward_part`.
template <class Training> struct training_forward : detail::training_program<Training, forward_part> {};
/// The backward of a training step; outputs as in `differentiate`.
template <class Training> struct training_backward : detail::training_program<Training, backward_part> {};
/// Both in one program, for a stage without layers: its value, then the gradients.
template <class Training> struct training_step : detail::training_program<Training, whole_step> {};

/// The value of a block and the gradients of its input and of its weights.
template <class Block, class Policy, class Trained = train_weights::all>
using gradient_of = training_step<training_of<Block, Policy, keep::inputs, Trained>>;

/// Whether a graph reads a row's position or other rows.
constexpr bool looks_around(graph const& g) { return g.count_of(op::rope) + g.count_of(op::attention) > 0; }

/// The plan of a program, computed once by the compiler.
template <class P> inline constexpr plan plan_of = P::make();

}  // namespace cria
