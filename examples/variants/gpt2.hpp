#pragma once
// GPT-2 (Radford et al. 2019): learned positions, norms about the mean, gelu without a gate, biases everywhere.
#include "cria/model/config.hpp"

template <class Shape> struct gpt2 : Shape {
  static constexpr bool tied = true;
  template <class Tag, class Out, class In> using linear = cria::nn::biased<Tag, Out, In>;
  template <class D, class Tag> using norm = cria::nn::layer_norm<D, Tag>;
  template <class D> using position = cria::nn::learned_positions<D>;
  template <class D> using feed_forward = cria::nn::gelu_mlp<D>;
};

struct gpt2_124m : gpt2<cria::llama2::config<768, 12, 12, 12, 3072, 50257, 1024>> {};
