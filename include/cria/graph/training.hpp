#pragma once
// The programs of a model in training.
#include "cria/expr/cross_entropy.hpp"
#include "cria/graph/program.hpp"

namespace cria {

/// The last stage of a model in training: from rows to the cross-entropy of each.
template <class Head> struct loss_stage {
  using input = typename Head::input;
  static constexpr auto forward(auto x) { return cross_entropy(Head::forward(x)); }
};

namespace detail {

/// Whether a weight that Trained names is stored in blocks of quantised values.
template <class Stage, class Policy, class Trained> constexpr bool trains_blocks_of() {
  graph const g = with_formats<typename Policy::weights>(record<Stage>());
  for (int i = 0; i < g.count; ++i)
    if (g.nodes[i].kind == op::weight && g.nodes[i].type.quantised() &&
        Trained::holds(g.symbols[g.nodes[i].symbol].key))
      return true;
  return false;
}
template <class Model, class Policy, class Trained>
inline constexpr bool trains_blocks = trains_blocks_of<typename Model::embedding, Policy, Trained>() ||
                                      trains_blocks_of<typename Model::block, Policy, Trained>() ||
                                      trains_blocks_of<typename Model::head, Policy, Trained>();

}  // namespace detail

/// The stages of a model in training, and which of them have anything to do in a backward: a stage without trained weights has
/// none below the lowest one that has.
template <class Model, class Policy, class Keep, class Trained> struct training_stages {
  using loss = loss_stage<typename Model::head>;
  using embedding = training_of<typename Model::embedding, Policy, keep::inputs, Trained, false>;
  static constexpr bool trains_embedding = embedding::has_gradients;
  static constexpr bool trains_block = training_of<typename Model::block, Policy, keep::inputs, Trained, false>::has_gradients;
  static constexpr bool has_backward = trains_embedding || trains_block;
  using block = training_of<typename Model::block, Policy, Keep, Trained, has_backward>;
  using head = training_of<loss, Policy, keep::inputs, Trained, has_backward>;
  enum : bool { differentiable = detail::has_rules<block>() };  // before any program of it is made

  using embedding_forward = training_forward<embedding>;
  using embedding_backward = training_backward<embedding>;
  using block_forward = training_forward<block>;
  using block_backward = training_backward<block>;
  using head_step = training_step<head>;
  using loss_forward = forward_of<loss, Policy>;

  // Last, so that clang knows the names above and says nothing more.
  static_assert(has_backward || head::has_gradients, "trainer: Trained names no weight of the model");
  static_assert(!detail::trains_blocks<Model, Policy, Trained>,
                "trainer: a weight stored in blocks cannot be trained, leave it out of Trained");
};

}  // namespace cria
