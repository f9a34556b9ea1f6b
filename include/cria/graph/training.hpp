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

  using embedding_forward = training_forward<embedding>;
  using embedding_backward = training_backward<embedding>;
  using block_forward = training_forward<block>;
  using block_backward = training_backward<block>;
  using head_step = training_step<head>;
  using loss_forward = forward_of<loss, Policy>;
};

}  // namespace cria
