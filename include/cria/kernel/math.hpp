#pragma once
// exp as an inline polynomial: loops over it vectorise, and its bits don't depend on a system's library.
#include <Kokkos_Core.hpp>
#include <bit>

#ifdef __FAST_MATH__
#error "cria: the same bits at any thread count need -fno-fast-math"
#endif

namespace cria::kernel {

/// e^x to 2 units in the last place (measured in the tests), for every finite x; 0 below -87.33, where the result would be
/// denormal, infinity above 88.72. Range reduction and polynomial after Cephes' expf.
KOKKOS_FORCEINLINE_FUNCTION float exp(float x) {
  float const bounded = x < -87.5f ? -87.5f : x > 89.0f ? 89.0f : x;
  float const shifted = Kokkos::fma(bounded, 1.44269504088896341f, 12582912.0f);  // 1.5 * 2^23: the integer is in the low bits
  float const n = shifted - 12582912.0f;
  int const exponent = std::bit_cast<int>(shifted) - 0x4b400000, half = exponent >> 1;
  float const r = Kokkos::fma(n, 2.12194440e-4f, Kokkos::fma(n, -0.693359375f, bounded));
  float p = 1.9875691500e-4f;
  p = Kokkos::fma(p, r, 1.3981999507e-3f);
  p = Kokkos::fma(p, r, 8.3334519073e-3f);
  p = Kokkos::fma(p, r, 4.1665795894e-2f);
  p = Kokkos::fma(p, r, 1.6666665459e-1f);
  p = Kokkos::fma(p, r, 5.0000001201e-1f);
  p = Kokkos::fma(p, r * r, r) + 1.0f;
  float const low = std::bit_cast<float>((half + 127) << 23), high = std::bit_cast<float>((exponent - half + 127) << 23);
  float const y = p * low * high;  // in two factors, so that neither overflows
  return x < -87.33f ? 0.0f : x > 88.72f ? std::bit_cast<float>(0x7f800000) : y;
}

/// x / (1 + e^-x)
KOKKOS_FORCEINLINE_FUNCTION float silu(float x) { return x / (1 + exp(-x)); }

/// The derivative of silu.
KOKKOS_FORCEINLINE_FUNCTION float silu_slope(float x) {
  float const s = 1 / (1 + exp(-x));
  return s * (1 + x * (1 - s));
}

}  // namespace cria::kernel
