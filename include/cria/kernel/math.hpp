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
  f const low = V::splat(-87.5f), high = V::splat(89.0f),
          shift = V::splat(12582912.0f);  // 1.5 * 2^23: the integer is in the low bits
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
  f const y = p * std::bit_cast<f>((half + 127) << 23) *
              std::bit_cast<f>((exponent - half + 127) << 23);  // neither factor overflows
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

namespace detail {

/// sqrt(8 / pi) (x + 0.044715 x^3), to the last bit or two of a number of twice the precision: where e to its power is
/// tiny, an error of it is one of all digits there.
struct gelu_exponent {
  float high, low;
  KOKKOS_FORCEINLINE_FUNCTION explicit gelu_exponent(float x) {
    float const linear = 1.59576917f, cubic = 0.0713548139f;
    float const square = x * x, term = cubic * square, sum = linear + term, added = sum - linear;
    // What each rounding left out, those of the constants first.
    float left = Kokkos::fma(2.39883240e-9f, square, -4.53406804e-8f);
    left = Kokkos::fma(cubic, Kokkos::fma(x, x, -square), left);
    left += Kokkos::fma(cubic, square, -term) + ((linear - (sum - added)) + (term - added));
    high = x * sum, low = Kokkos::fma(x, left, Kokkos::fma(x, sum, -high));
  }
};
/// Beyond it gelu is x, or so small that it would be denormal; e^-2(..) is finite up to there.
inline constexpr float gelu_bound = 10.05f;
KOKKOS_FORCEINLINE_FUNCTION float gelu_bounded(float x) {
  float const bound = gelu_bound, above = x < -bound ? -bound : x;
  return above > bound ? bound : above;
}

}  // namespace detail

/// x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) as x / (1 + e^-2(..)), to 4 units in the last place (3 measured in
/// the tests).
KOKKOS_FORCEINLINE_FUNCTION float gelu_tanh(float x) {
  detail::gelu_exponent const p(detail::gelu_bounded(x));
  float const e = exp(-p.high);
  float const y = x / (1 + Kokkos::fma(e, -p.low, e));
  return x < -detail::gelu_bound ? 0.0f : y;
}

/// The derivative of gelu_tanh.
KOKKOS_FORCEINLINE_FUNCTION float gelu_tanh_slope(float x) {
  float const z = detail::gelu_bounded(x);
  detail::gelu_exponent const p(z);
  float const power = exp(-p.high), e = Kokkos::fma(power, -p.low, power), s = 1 / (1 + e);
  return s * (1 + z * (e * s) * Kokkos::fma(0.2140644488f, z * z, 1.5957691216f));
}

}  // namespace cria::kernel
