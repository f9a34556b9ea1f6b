#pragma once
// Qwen3 (Qwen Team 2025, arXiv 2505.09388): queries and keys are normalised head by head.
#include "cria/model/config.hpp"

template <class Shape> struct qwen3 : Shape {
  static constexpr double rope_theta = 1e6, norm_eps = 1e-6;
  static constexpr bool tied = true;
  template <class D> using attention = cria::nn::attention_with_norms<D>;
};

struct qwen3_600m : qwen3<cria::llama2::config<1024, 28, 16, 8, 3072, 151936, 40960, /*head_dim*/ 128>> {};
