#pragma once
// How a model is pretrained, in numbers: what Llama 2's authors published, and what they left open and is chosen here.
#include <array>
#include <cmath>
#include <string_view>

#include "cria/train/engine.hpp"

namespace cria::train {

/// Source, where nothing else is said: Touvron et al. 2023 (arXiv 2307.09288), section 2 and table 1.
struct recipe {
  std::string_view name;
  long parameters;
  double peak_rate;
  double beta1 = 0.9, beta2 = 0.95, epsilon = 1e-5, decay = 0.1, clip = 1.0;
  long warmup = 2000;               // steps
  double final_ratio = 0.1;         // of the peak, at the last step
  long batch_tokens = 1024 * 4096;  // "4M"
  int context = 4096;
  long tokens = 2'000'000'000'000;

  // Not published, chosen here.
  double initial_std = 0.02;     // of a normal distribution, for every matrix; norms begin at 1
  bool scale_residual = true;    // wo and w2 begin smaller by sqrt(2 layers), as in GPT-2
  bool across_documents = true;  // a row sees the documents before its own in the window, with their bos between
  // AdamW's decay acts on every matrix, embedding and head too, and not on norms: train::adamw says so.

  constexpr long steps() const { return (tokens + batch_tokens - 1) / batch_tokens; }

  constexpr adamw optimiser(double rate, long step) const { return {rate, beta1, beta2, epsilon, decay, clip, step}; }

  /// Standard deviation of a weight before training, by its name in the library; of a norm 0 around 1.
  double initial_deviation(std::string_view weight, int layers) const {
    bool const residual = weight == "wo" || weight == "w2";
    return residual && scale_residual ? initial_std / std::sqrt(2.0 * layers) : initial_std;
  }
};

/// By size: ours for models that one machine can train, in llama2.c's shapes, and Llama 2's.
inline constexpr std::array recipes{
    recipe{.name = "stories260k",
           .parameters = 260'032,
           .peak_rate = 3e-3,
           .warmup = 40,
           .batch_tokens = 16 * 256,
           .context = 256,
           .tokens = 400 * 16 * 256},
    recipe{.name = "stories15m",
           .parameters = 15'191'712,
           .peak_rate = 1e-3,
           .warmup = 500,
           .batch_tokens = 64 * 256,
           .context = 256,
           .tokens = 300'000'000},
    recipe{.name = "stories42m",
           .parameters = 41'689'600,
           .peak_rate = 7e-4,
           .warmup = 500,
           .batch_tokens = 64 * 1024,
           .context = 1024,
           .tokens = 800'000'000},
    recipe{.name = "stories110m",
           .parameters = 109'529'856,
           .peak_rate = 5e-4,
           .warmup = 1000,
           .batch_tokens = 256 * 1024,
           .context = 1024,
           .tokens = 2'200'000'000},
    recipe{.name = "7b", .parameters = 6'738'415'616, .peak_rate = 3e-4},
    recipe{.name = "13b", .parameters = 13'015'864'320, .peak_rate = 3e-4},
    recipe{.name = "34b", .parameters = 33'743'970'304, .peak_rate = 1.5e-4},
    recipe{.name = "70b", .parameters = 68'976'648'192, .peak_rate = 1.5e-4},
};

/// That of the smallest model with at least as many parameters; of the largest where there is none.
constexpr recipe recipe_for(long parameters) {
  std::size_t i = 0;
  while (i + 1 < recipes.size() && recipes[i].parameters < parameters) ++i;
  return recipes[i];
}

}  // namespace cria::train
