#pragma once
// The learning rate by step: a linear warm-up, then half a cosine.
#include <cmath>
#include <numbers>

namespace cria::train {

/// Rises to `peak` over `warmup` steps and falls to final_ratio * peak at step `steps`. Source: Touvron et al. 2023
/// (arXiv 2307.09288), section 2; Loshchilov and Hutter 2017 (arXiv 1608.03983) without restarts.
struct schedule {
  double peak;
  long warmup, steps;
  double final_ratio = 0.1;

  /// Of step t, counted from 1.
  double rate(long t) const {
    if (t <= warmup) return peak * double(t) / double(warmup);
    double const low = final_ratio * peak;
    if (t >= steps) return low;
    return low + (peak - low) * (1 + std::cos(std::numbers::pi * double(t - warmup) / double(steps - warmup))) / 2;
  }
};

}  // namespace cria::train
