#pragma once
// How rotary position embeddings turn: the frequency of each pair of a head.
#include <cmath>

namespace cria {

/// Pair (2i, 2i + 1) of a head turns by position * theta^(-2i / size) (Su et al. 2021, arXiv 2104.09864), more slowly
/// where a model was stretched to a longer context: by `factor` throughout, or, with `original_context`, where a wave
/// is longer than original_context / low, not at all where it is shorter than original_context / high, and in between
/// by degrees (Llama 3; in transformers' modeling_rope_utils.py, `_compute_linear_scaling_rope_parameters` and
/// `_compute_llama3_parameters`).
struct rotation {
  double theta = 1e4;
  double factor = 1;
  double low = 0, high = 0;
  int original_context = 0;
  constexpr bool operator==(rotation const&) const = default;
};

/// Radians for each position of the pair that begins at value d of a head.
inline double frequency(rotation const& r, int d, int size) {
  double const plain = std::pow(r.theta, -double(d) / size);
  if (r.factor == 1) return plain;
  double const slow = plain / r.factor;
  if (r.original_context == 0) return slow;
  double const waves = r.original_context * plain / 6.28318530717958647692;  // in the original context
  if (waves < r.low) return slow;
  if (waves > r.high) return plain;
  double const share = (waves - r.low) / (r.high - r.low);
  return (1 - share) * slow + share * plain;
}

}  // namespace cria
