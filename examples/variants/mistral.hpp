#pragma once
// Mistral 7B (Jiang et al. 2023, arXiv 2310.06825): a row attends to the last 4,096 positions.
#include "cria/model/config.hpp"

template <class Shape> struct mistral : Shape {
  static constexpr int window = 4096;
};

struct mistral_7b : mistral<cria::llama2::config<4096, 32, 32, 8, 14336, 32000, 32768>> {};
