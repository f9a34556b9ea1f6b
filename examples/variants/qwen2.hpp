#pragma once
// Qwen2 (Yang et al. 2024, arXiv 2407.10671): queries, keys and values have biases.
#include "cria/model/config.hpp"

template <class Shape> struct qwen2 : Shape {
  static constexpr double rope_theta = 1e6, norm_eps = 1e-6;
  static constexpr bool tied = true;
  template <class Tag, class Out, class In>
  using linear = typename cria::nn::linear_with_biases<cria::nn::wq, cria::nn::wk, cria::nn::wv>::template on<Tag, Out, In>;
};

struct qwen2_500m : qwen2<cria::llama2::config<896, 24, 14, 2, 4864, 151936, 32768>> {};
