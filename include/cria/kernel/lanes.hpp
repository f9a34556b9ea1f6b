#pragma once
// Vectors of lanes: each lane is one output row. The code above is generic in the width; the three operations that want an
// instruction of their own (fma, dot4, f16) have it here, beside a portable form that gives the same bits.
#include <Kokkos_Core.hpp>
#include <cstdint>
#include <cstring>

#include "cria/core/half.hpp"

#if defined(__x86_64__) && !defined(__CUDACC__) && !defined(__HIPCC__)
#include <immintrin.h>
#endif

namespace cria::kernel {

/// Byte j of a word, with its sign.
KOKKOS_FORCEINLINE_FUNCTION constexpr int signed_byte(int word, int j) { return int(std::uint32_t(word) << (24 - 8 * j)) >> 24; }

/// One lane; what devices use, and the portable twin of the others.
struct scalar_lane {
  static constexpr int width = 1;
  using f = float;
  using i = int;

  KOKKOS_FORCEINLINE_FUNCTION static void prefetch(std::byte const*) {}
  KOKKOS_FORCEINLINE_FUNCTION static f splat(float x) { return x; }
  KOKKOS_FORCEINLINE_FUNCTION static i splat(int x) { return x; }
  KOKKOS_FORCEINLINE_FUNCTION static f load(float const* p) { return *p; }
  KOKKOS_FORCEINLINE_FUNCTION static f load_f16(std::uint16_t const* p) { return f16_to_f32(*p); }
  KOKKOS_FORCEINLINE_FUNCTION static f load_bf16(std::uint16_t const* p) { return bf16_to_f32(*p); }
  KOKKOS_FORCEINLINE_FUNCTION static i load_words(std::int32_t const* p) { return *p; }
  KOKKOS_FORCEINLINE_FUNCTION static i load_bytes(std::int8_t const* p) { return *p; }
  KOKKOS_FORCEINLINE_FUNCTION static void store(float* p, f x) { *p = x; }
  KOKKOS_FORCEINLINE_FUNCTION static void transpose(f (&)[1]) {}
  KOKKOS_FORCEINLINE_FUNCTION static void store_f16(std::uint16_t* p, f x) { *p = f32_to_f16(x); }
  KOKKOS_FORCEINLINE_FUNCTION static void store_bytes(std::int8_t* p, i x) { *p = std::int8_t(x); }
  KOKKOS_FORCEINLINE_FUNCTION static f fma(f a, f b, f c) { return Kokkos::fma(a, b, c); }
  KOKKOS_FORCEINLINE_FUNCTION static f to_float(i x) { return float(x); }
  KOKKOS_FORCEINLINE_FUNCTION static i in_register(i x) { return x; }
  KOKKOS_FORCEINLINE_FUNCTION static i byte(i words, int j) { return signed_byte(words, j); }
  KOKKOS_FORCEINLINE_FUNCTION static i low_nibbles(i words) { return words & 0x0f0f0f0f; }
  KOKKOS_FORCEINLINE_FUNCTION static i high_nibbles(i words) { return words >> 4 & 0x0f0f0f0f; }

  /// Adds u . s over the 4 bytes of each word, u below 64, to sums. They may lie in halves of a lane, of 16 bits, until
  /// `block_sum` makes them whole.
  static constexpr bool sums_in_halves = false;
  KOKKOS_FORCEINLINE_FUNCTION static i dot4_small(i halves, i u, int s) { return dot4_bytes(halves, u, s); }
  KOKKOS_FORCEINLINE_FUNCTION static i block_sum(i halves) { return halves; }
  /// What dot4_bytes adds to each weight: an instruction that wants unsigned bytes moves them by 128.
  static constexpr int byte_offset = 0;
  /// sum + (w + byte_offset) . s over the 4 signed bytes of each word; s at least -127.
  KOKKOS_FORCEINLINE_FUNCTION static i dot4_bytes(i sum, i w, int s) {
    for (int j = 0; j < 4; ++j) sum += signed_byte(w, j) * signed_byte(s, j);
    return sum;
  }
};

#if defined(__CUDACC__) || defined(__HIPCC__)
using host_lanes = scalar_lane;
#else

template <class T, int Width> struct vector_of {
  typedef T type __attribute__((vector_size(Width * sizeof(T))));
};

#if defined(__AVX512F__)
inline constexpr int register_bytes = 64;
#elif defined(__AVX2__)
inline constexpr int register_bytes = 32;
#else
inline constexpr int register_bytes = 16;
#endif

/// As many lanes as a register of the host has, by the compilers' vector types.
template <int Width> struct vector_lanes {
  static constexpr int width = Width;
  using f = typename vector_of<float, Width>::type;
  using i = typename vector_of<std::int32_t, Width>::type;
  using h = typename vector_of<std::uint16_t, Width>::type;

  template <class V, class T> static V load_as(T const* p) {
    V v;
    std::memcpy(&v, p, sizeof v);
    return v;
  }
  static void prefetch(std::byte const* p) { __builtin_prefetch(p); }
  static f splat(float x) { return x - f{}; }
  static i splat(int x) { return x - i{}; }
  static f load(float const* p) { return load_as<f>(p); }
  static i load_words(std::int32_t const* p) { return load_as<i>(p); }
  static i load_bytes(std::int8_t const* p) {  // g++ 12 converts them one by one
#if defined(__AVX512F__)
    if constexpr (Width == 16)
      return (i)_mm512_maskz_cvtepi8_epi32(__mmask16(0xffff), _mm_loadu_si128(reinterpret_cast<__m128i const*>(p)));
#endif
#if defined(__AVX2__)
    if constexpr (Width == 8) return (i)_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<__m128i const*>(p)));
#endif
    return __builtin_convertvector(load_as<typename vector_of<std::int8_t, Width>::type>(p), i);
  }
  static void store(float* p, f x) { std::memcpy(p, &x, sizeof x); }
  /// Rows become columns: for each power of two, what lies off the diagonal by it is exchanged.
  static void transpose(f (&r)[Width]) { exchange<Width / 2>(r); }
  /// x, but no arithmetic on it is done on a single number before it is a vector.
  static i in_register(i x) {
#if defined(__x86_64__)
    if constexpr (Width * 4 <= register_bytes) asm("" : "+v"(x));
#endif
    return x;
  }
  static f to_float(i x) { return __builtin_convertvector(x, f); }
  static i byte(i words, int j) { return (words << (24 - 8 * j)) >> 24; }
  static i low_nibbles(i words) { return words & 0x0f0f0f0f; }
  static i high_nibbles(i words) { return words >> 4 & 0x0f0f0f0f; }
  static f load_bf16(std::uint16_t const* p) { return (f)(__builtin_convertvector(load_as<h>(p), i) << 16); }
  static f load_f16(std::uint16_t const* p) {
#if defined(__AVX512F__)
    if constexpr (Width == 16)
      return (f)_mm512_maskz_cvtph_ps(__mmask16(0xffff),
                                      _mm256_loadu_si256(reinterpret_cast<__m256i const*>(p)));  // the plain form warns
#endif
#if defined(__F16C__)
    if constexpr (Width == 8) return (f)_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<__m128i const*>(p)));
#endif
    f r{};
    for (int l = 0; l < Width; ++l) r[l] = f16_to_f32(p[l]);
    return r;
  }
  static void store_bytes(std::int8_t* p, i x) {
    auto const bytes = __builtin_convertvector(x, typename vector_of<std::int8_t, Width>::type);
    std::memcpy(p, &bytes, sizeof bytes);
  }
  static void store_f16(std::uint16_t* p, f x) {
#if defined(__AVX512F__)
    if constexpr (Width == 16)
      return _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                                 _mm512_maskz_cvtps_ph(__mmask16(0xffff), (__m512)x, _MM_FROUND_TO_NEAREST_INT));
#endif
#if defined(__F16C__)
    if constexpr (Width == 8)
      return _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph((__m256)x, _MM_FROUND_TO_NEAREST_INT));
#endif
    for (int l = 0; l < Width; ++l) p[l] = f32_to_f16(x[l]);
  }
  static f fma(f a, f b, f c) {
#if defined(__AVX512F__)
    if constexpr (Width == 16) return (f)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#endif
#if defined(__FMA__)
    if constexpr (Width == 8) return (f)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#endif
    f r{};
    for (int l = 0; l < Width; ++l) r[l] = __builtin_fmaf(a[l], b[l], c[l]);
    return r;
  }

  /// Lane l and lane l + Distance, for every l that has both, joined by `join`.
  template <int Distance, class X, class F> static X fold(X x, F const& join) {
    return join(x, rotated<Distance>(x, std::make_integer_sequence<int, Width>{}));
  }

#if defined(__AVX512VNNI__)
  static constexpr int byte_offset = Width == 16 ? 128 : 0;
#else
  static constexpr int byte_offset = 0;
#endif
#if defined(__AVX512BW__) && !defined(__AVX512VNNI__)
  static constexpr bool sums_in_halves = Width == 8 || Width == 16;
#elif defined(__AVX2__)
  static constexpr bool sums_in_halves = Width == 8;
#else
  static constexpr bool sums_in_halves = false;
#endif
  static i dot4_small(i halves, i u, int s) {  // two products of 63 and 127 fit 16 bits
#if defined(__AVX512VNNI__)
    if constexpr (Width == 16) return (i)_mm512_dpbusd_epi32((__m512i)halves, (__m512i)u, _mm512_set1_epi32(s));
#elif defined(__AVX512BW__)
    if constexpr (Width == 16)
      return (i)_mm512_add_epi16((__m512i)halves, _mm512_maddubs_epi16((__m512i)u, _mm512_set1_epi32(s)));
#endif
#if defined(__AVX2__)
    if constexpr (Width == 8) return (i)_mm256_add_epi16((__m256i)halves, _mm256_maddubs_epi16((__m256i)u, _mm256_set1_epi32(s)));
#endif
    return portable_dot4(halves, u, s);
  }
  static i block_sum(i halves) {
#if defined(__AVX512BW__) && !defined(__AVX512VNNI__)
    if constexpr (Width == 16) return (i)_mm512_madd_epi16((__m512i)halves, _mm512_set1_epi16(1));
#endif
#if defined(__AVX2__)
    if constexpr (Width == 8) return (i)_mm256_madd_epi16((__m256i)halves, _mm256_set1_epi16(1));
#endif
    return halves;
  }
  static i dot4_bytes(i sum, i w, int s) {
#if defined(__AVX512VNNI__)
    if constexpr (Width == 16) {
      __m512i const u = _mm512_xor_si512((__m512i)w, _mm512_set1_epi32(int(0x80808080u)));
      return (i)_mm512_dpbusd_epi32((__m512i)sum, u, _mm512_set1_epi32(s));
    }
#endif
#if defined(__AVX512BW__) && !defined(__AVX512VNNI__)
    if constexpr (Width == 16) {
      __m512i const signs = _mm512_set1_epi32(s), turned = _mm512_mask_sub_epi8(signs, _mm512_movepi8_mask((__m512i)w),
                                                                                _mm512_setzero_si512(), signs);
      __m512i const pairs = _mm512_maddubs_epi16(_mm512_abs_epi8((__m512i)w), turned);
      return sum + (i)_mm512_madd_epi16(pairs, _mm512_set1_epi16(1));
    }
#endif
#if defined(__AVX2__)
    if constexpr (Width == 8) {  // |w| is at most 128 and |s| at most 127: two products fit 16 bits
      __m256i const magnitude = _mm256_abs_epi8((__m256i)w), turned = _mm256_sign_epi8(_mm256_set1_epi32(s), (__m256i)w);
      return sum + (i)_mm256_madd_epi16(_mm256_maddubs_epi16(magnitude, turned), _mm256_set1_epi16(1));
    }
#endif
    return portable_dot4(sum, w, s);
  }

 private:
  template <int Distance> static void exchange(f (&r)[Width]) {
    exchange_all<Distance>(r, std::make_integer_sequence<int, Width>{});
    if constexpr (Distance > 1) exchange<Distance / 2>(r);
  }
  template <int Distance, int... I> static void exchange_all(f (&r)[Width], std::integer_sequence<int, I...> lanes) {
    (((I & Distance) == 0 ? exchange<Distance>(r[I], r[(I + Distance) % Width], lanes) : void()), ...);
  }
  template <int Distance, int... L> static void exchange(f& a, f& b, std::integer_sequence<int, L...>) {
    f const low = __builtin_shufflevector(a, b, (L & Distance ? Width + L - Distance : L)...);
    b = __builtin_shufflevector(a, b, (L & Distance ? Width + L : L + Distance)...);
    a = low;
  }
  template <int Distance, class X, int... L> static X rotated(X x, std::integer_sequence<int, L...>) {
    return __builtin_shufflevector(x, x, ((L + Distance) % Width)...);
  }
  static i portable_dot4(i sum, i w, int s) {
    for (int j = 0; j < 4; ++j) sum += byte(w, j) * signed_byte(s, j);
    return sum;
  }
};

using host_lanes = vector_lanes<register_bytes / 4>;

#endif

namespace detail {
template <class V, int Distance, class X, class F> KOKKOS_FORCEINLINE_FUNCTION auto fold_lanes(X x, F const& join) {
  if constexpr (V::width == 1) return x;
  else if constexpr (Distance == 0) return x[0];
  else return fold_lanes<V, Distance / 2>(V::template fold<Distance>(x, join), join);
}
}  // namespace detail

/// Joins the lanes of several vectors, a power of two, in a fixed order: halves, quarters and so on. The same for every width.
template <class V, int Vectors, class X, class F> KOKKOS_FORCEINLINE_FUNCTION auto fold(X (&x)[Vectors], F const& join) {
  for (int half = Vectors / 2; half > 0; half /= 2)
    for (int v = 0; v < half; ++v) x[v] = join(x[v], x[v + half]);
  return detail::fold_lanes<V, V::width / 2>(x[0], join);
}
struct plus {
  template <class X> KOKKOS_FORCEINLINE_FUNCTION X operator()(X a, X b) const { return a + b; }
};
struct larger {
  template <class X> KOKKOS_FORCEINLINE_FUNCTION X operator()(X a, X b) const { return a > b ? a : b; }
};

}  // namespace cria::kernel
