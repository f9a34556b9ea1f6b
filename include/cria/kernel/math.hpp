#pragma once
// exp as an inline polynomial: loops over it vectorise, and its bits don't depend on a system's library.
#include <bit>

#include "cria/kernel/lanes.hpp"

#ifdef __FAST_MATH__
#error "cria: the same bits at any thread count need -fno-fast-math"
#endif

namespace cria::kernel {

/// e^x to 2 units in the last place (measured in the tests), for every finite x; 0 below -87.33, where the result would be
/// denormal, infinity above 88.72. Of one number or of a vector of lanes. Range reduction and polynomial after Cephes' expf.
template <class V> KOKKOS_FORCEINLINE_FUNCTION typename V::f exp_of(typename V::f x) {
  using f = typename V::f;
  using i = typename V::i;
  f const low = V::splat(-87.5f), high = V::splat(89.0f), shift = V::splat(12582912.0f);  // 1.5 * 2^23: the integer is in the low bits
  f bounded = x < low ? low : x;
  bounded = bounded > high ? high : bounded;
  f const shifted = V::fma(bounded, V::splat(1.44269504088896341f), shift), n = shifted - shift;
  i const exponent = std::bit_cast<i>(shifted) - 0x4b400000, half = exponent >> 1;
  f const r = V::fma(n, V::splat(2.12194440e-4f), V::fma(n, V::splat(-0.693359375f), bounded));
  f p = V::splat(1.9875691500e-4f);
  p = V::fma(p, r, V::splat(1.3981999507e-3f));
  p = V::fma(p, r, V::splat(8.3334519073e-3f));
  p = V::fma(p, r, V::splat(4.1665795894e-2f));
  p = V::fma(p, r, V::splat(1.6666665459e-1f));
  p = V::fma(p, r, V::splat(5.0000001201e-1f));
  p = V::fma(p, r * r, r) + V::splat(1.0f);
  f const y = p * std::bit_cast<f>((half + 127) << 23) * std::bit_cast<f>((exponent - half + 127) << 23);  // neither factor overflows
  f const small = x < V::splat(-87.33f) ? V::splat(0.0f) : y;
  return x > V::splat(88.72f) ? V::splat(std::bit_cast<float>(0x7f800000)) : small;
}
KOKKOS_FORCEINLINE_FUNCTION float exp(float x) { return exp_of<scalar_lane>(x); }

/// x / (1 + e^-x)
KOKKOS_FORCEINLINE_FUNCTION float silu(float x) { return x / (1 + exp(-x)); }

/// The derivative of silu.
KOKKOS_FORCEINLINE_FUNCTION float silu_slope(float x) {
  float const s = 1 / (1 + exp(-x));
  return s * (1 + x * (1 - s));
}

}  // namespace cria::kernel
