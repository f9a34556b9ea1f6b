#pragma once
// Llama 3.1 (Grattafiori et al. 2024, arXiv 2407.21783): rotary angles are stretched to a longer context.
#include "cria/model/config.hpp"

template <class Shape> struct llama3 : Shape {
  static constexpr double rope_theta = 5e5;
  static constexpr cria::rotation rope_scaling{.factor = 8, .low = 1, .high = 4, .original_context = 8192};
};

struct llama3_8b : llama3<cria::llama2::config<4096, 32, 32, 8, 14336, 128256, 131072>> {};
