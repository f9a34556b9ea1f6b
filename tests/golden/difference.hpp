#pragma once
// How far results are from their reference, in the words of golden/README.md.
#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "support/difference.hpp"

namespace cria::test {

inline double largest_magnitude(std::span<float const> a) {
  double largest = 0;
  for (float const x : a) largest = std::max(largest, std::abs(double(x)));
  return largest;
}

/// log of the sum of exp, in f64.
inline double log_sum_exp(std::span<float const> logits) {
  double const top = *std::ranges::max_element(logits);
  double sum = 0;
  for (float const x : logits) sum += std::exp(x - top);
  return top + std::log(sum);
}

/// The index of the largest value, the first of equal ones.
inline int argmax(std::span<float const> x) { return int(std::ranges::max_element(x) - x.begin()); }

}  // namespace cria::test
