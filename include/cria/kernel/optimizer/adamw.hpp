#pragma once
// What an optimizer does to all values of a weight: the sum of its gradient's squares, and a step of AdamW. Both go over
// memory once, in blocks of a fixed size, so that the bits don't depend on who works.
#include <Kokkos_Core.hpp>

#include "cria/core/dtype.hpp"
#include "cria/core/half.hpp"
#include "cria/kernel/team.hpp"

namespace cria::kernel {

inline constexpr std::size_t optimizer_block = 4096;  // values

constexpr int optimizer_blocks(std::size_t values) { return int((values + optimizer_block - 1) / optimizer_block); }

/// sums[i] = sum of the squares of block i of `gradient`.
struct square_sums {
  float const* gradient;
  std::size_t values;
  double* sums;

  KOKKOS_INLINE_FUNCTION void operator()(int block) const {
    std::size_t const begin = std::size_t(block) * optimizer_block, end = Kokkos::min(begin + optimizer_block, values);
    float lane[16] = {};
    std::size_t i = begin;
    for (; i + 16 <= end; i += 16)
      for (int l = 0; l < 16; ++l) lane[l] = Kokkos::fma(gradient[i + std::size_t(l)], gradient[i + std::size_t(l)], lane[l]);
    for (int l = 0; i < end; ++i, ++l) lane[l] = Kokkos::fma(gradient[i], gradient[i], lane[l]);
    double sum = 0;
    for (float const x : lane) sum += double(x);
    sums[block] = sum;
  }
};

/// Weights in 16 bits from those in f32; nothing where `rounded` is null.
struct round_weights {
  float const* weight;
  std::uint16_t* rounded;
  dtype type;
  std::size_t values;

  KOKKOS_INLINE_FUNCTION void operator()(int block) const {
    std::size_t const begin = std::size_t(block) * optimizer_block, end = Kokkos::min(begin + optimizer_block, values);
    if (rounded == nullptr) return;
    for (std::size_t i = begin; i < end; ++i) rounded[i] = type == dtype::f16 ? f32_to_f16(weight[i]) : f32_to_bf16(weight[i]);
  }
};

/// One step of AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101): m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2,
/// w = keep w - rate m / (sqrt(v) / correction + epsilon), where g is `scale` times the gradient, keep is 1 - rate * decay and
/// `rate` has the first moment's correction in it. The gradient becomes 0. Weights in 16 bits are rounded from `weight`, f32.
struct adamw_step {
  float *weight, *gradient, *first, *second;
  std::uint16_t* rounded;  // null where weights are f32
  dtype type;              // of `rounded`
  std::size_t values;
  float scale, beta1, beta2, keep, rate, correction, epsilon;

  KOKKOS_INLINE_FUNCTION void operator()(int block) const {
    std::size_t const begin = std::size_t(block) * optimizer_block, end = Kokkos::min(begin + optimizer_block, values);
    float *const w = weight, *const d = gradient, *const m = first, *const v = second;
    for (std::size_t i = begin; i < end; ++i) {
      float const g = d[i] * scale;
      float const mean = Kokkos::fma(beta1, m[i], (1 - beta1) * g), square = Kokkos::fma(beta2, v[i], (1 - beta2) * g * g);
      m[i] = mean, v[i] = square, d[i] = 0;
      w[i] = Kokkos::fma(keep, w[i], -(rate * mean / (Kokkos::sqrt(square) * correction + epsilon)));
    }
    round_weights{w, rounded, type, values}(block);
  }
};

}  // namespace cria::kernel
