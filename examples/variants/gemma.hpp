#pragma once
// Gemma (Gemma Team 2024, arXiv 2403.08295): the embedding times the root of the width, norms times 1 + w, a gate of gelu.
#include "cria/model/config.hpp"

template <class Shape> struct gemma : Shape {
  static constexpr double norm_eps = 1e-6, embedding_scale = cria::nn::root(Shape::embed::extent);
  static constexpr bool tied = true;
  template <class D, class Tag> using norm = cria::nn::rms_norm_plus_one<D, Tag>;
  template <class D> using feed_forward = cria::nn::geglu<D>;
  template <class D> using embedding = cria::nn::scaled_embedding<D>;
};

struct gemma_2b : gemma<cria::llama2::config<2048, 18, 8, 1, 16384, 256000, 8192, /*head_dim*/ 256>> {};
