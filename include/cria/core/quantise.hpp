#pragma once
// Values of every number format, read and written block by block, with the bits of GGUF's reference
// (ggml-quants.c and gguf-py's quants.py). Blocks are bytes, little-endian and without alignment.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cria/core/blocks.hpp"
#include "cria/core/error.hpp"

namespace cria {
namespace detail {

/// Cut towards zero into [low, high]; NaN, which a scale that overflowed leaves behind, gives low.
constexpr int cut(float x, int low, int high) {
  if (!(x > float(low))) return low;
  return x < float(high) ? int(x) : high;
}

/// Nearest whole number in -127..127, halves away from zero (adding 0.5 would round 0.49999997 up).
constexpr int nearest(float x) {
  float const magnitude = x < 0 ? -x : x;
  int const whole = cut(magnitude, 0, 127), rounded = whole + (whole < 127 && magnitude - float(whole) >= 0.5f);
  return x < 0 ? -rounded : rounded;
}

constexpr float inverse(float d) { return d != 0 ? 1 / d : 0; }

/// The value of largest magnitude, with its sign; the first of several.
constexpr float extreme(float const* values, int count = 32) {
  float largest = 0, found = 0;
  for (int i = 0; i < count; ++i) {
    float const magnitude = values[i] < 0 ? -values[i] : values[i];
    if (magnitude > largest) largest = magnitude, found = values[i];
  }
  return found;
}

struct span_of_values {
  float least, most;
};
constexpr span_of_values span_of(float const* values) {
  span_of_values s{values[0], values[0]};
  for (int i = 1; i < 32; ++i) {
    if (values[i] < s.least) s.least = values[i];
    if (values[i] > s.most) s.most = values[i];
  }
  return s;
}

/// `count` codes from value `first` on to f32, in groups of 4.
template <class F>
constexpr void decode_codes(std::byte const* block, int first, int count, float scale, float minimum, float* values) {
  constexpr int offset = codes_of(F::id).offset;
  for (int i = first; i < first + count; i += 4) {
    std::uint32_t const word = codes<F>(block, i);
    for (int j = 0; j < 4; ++j) {
      values[i + j] = scale * float(int(word >> 8 * j & 255u) - offset);
      if constexpr (offset == 0) values[i + j] = values[i + j] + minimum;
    }
  }
}

/// Codes code(i) of `count` values from `first` on, into a block of zeros.
template <class F, class Code> constexpr void encode_codes(std::byte* block, int first, int count, Code const& code) {
  for (int i = first; i < first + count; i += 4) {
    std::uint32_t word = 0;
    for (int j = 0; j < 4; ++j) word |= std::uint32_t(code(i + j)) << 8 * j;
    put_codes<F>(block, i, word);
  }
}

/// q4_k and q5_k: scales and minima of 32 values, in 63rds of the largest ones, not below 0.
template <class F> constexpr void encode_with_minima(float const* values, std::byte* block) {
  constexpr int top = (1 << codes_of(F::id).bits) - 1;
  float scale[8]{}, minimum[8]{}, most_scale = 0, most_minimum = 0;
  for (int j = 0; j < 8; ++j) {
    auto const [least, most] = span_of(values + 32 * j);
    minimum[j] = least < 0 ? -least : 0, scale[j] = (most + minimum[j]) / float(top);
    if (scale[j] > most_scale) most_scale = scale[j];
    if (minimum[j] > most_minimum) most_minimum = minimum[j];
  }
  store_f16(block, most_scale / 63), store_f16(block + 2, most_minimum / 63);
  float const d = load_f16(block), m = load_f16(block + 2), per_d = inverse(d), per_m = inverse(m);
  for (int j = 0; j < 8; ++j) {
    six_bits const s{cut(scale[j] * per_d + 0.5f, 0, 63), cut(minimum[j] * per_m + 0.5f, 0, 63)};
    put_scales(block + k_scales_at, j, s);
    float const per_scale = inverse(d * float(s.scale)), above = m * float(s.minimum);
    encode_codes<F>(block, 32 * j, 32, [&](int i) { return cut((values[i] + above) * per_scale + 0.5f, 0, top); });
  }
}

/// q6_k: scales of 16 values, in 128ths of the largest one.
constexpr void encode_q6_k(float const* values, std::byte* block) {
  float scale[16]{};
  for (int j = 0; j < 16; ++j) scale[j] = extreme(values + 16 * j, 16) / -32;
  store_f16(block + q6_k_scale_at, extreme(scale, 16) / -128);
  float const d = load_f16(block + q6_k_scale_at), per_d = inverse(d);
  for (int j = 0; j < 16; ++j) {
    int const s = cut(scale[j] * per_d + 128.5f, 0, 255) - 128;
    block[q6_k_scales_at + j] = std::byte(s & 255);
    float const per_scale = inverse(d * float(s));
    encode_codes<q6_k>(block, 16 * j, 16, [&](int i) { return cut(values[i] * per_scale + 32.5f, 0, 63); });
  }
}

}  // namespace detail

/// One block of format F (`F::bytes` bytes) to its `F::block` values.
template <class F> constexpr void decode(std::byte const* block, float* values) {
  using namespace detail;
  if constexpr (F::id == dtype::f32) *values = load_f32(block);
  if constexpr (F::id == dtype::f16) *values = load_f16(block);
  if constexpr (F::id == dtype::bf16) *values = bf16_to_f32(std::uint16_t(load(block, 2)));
  if constexpr (F::id == dtype::q8_0 || F::id == dtype::q8_f32) {
    int const scale_bytes = F::bytes - 32;
    float const d = scale_bytes == 2 ? load_f16(block) : load_f32(block);
    for (int i = 0; i < 32; ++i) values[i] = d * float(std::int8_t(block[scale_bytes + i]));
  }
  if constexpr (F::id == dtype::q4_0 || F::id == dtype::q5_0) decode_codes<F>(block, 0, 32, load_f16(block), 0, values);
  if constexpr (F::id == dtype::q4_1 || F::id == dtype::q5_1)
    decode_codes<F>(block, 0, 32, load_f16(block), load_f16(block + 2), values);
  if constexpr (F::id == dtype::q4_k || F::id == dtype::q5_k)
    for (int j = 0; j < 8; ++j) {
      six_bits const s = scales_of(block + k_scales_at, j);
      decode_codes<F>(block, 32 * j, 32, load_f16(block) * float(s.scale), -(load_f16(block + 2) * float(s.minimum)), values);
    }
  if constexpr (F::id == dtype::q6_k)
    for (int j = 0; j < 16; ++j) {
      float const scale = load_f16(block + q6_k_scale_at) * float(std::int8_t(block[q6_k_scales_at + j]));
      decode_codes<F>(block, 16 * j, 16, scale, 0, values);
    }
}

/// `F::block` values to one block of format F. Scales that f16 cannot hold become infinite or zero, as in GGUF's
/// reference. For q4_k, q5_k and q6_k this is plain rounding, without the reference's search for better scales.
template <class F> constexpr void encode(float const* values, std::byte* block) {
  using namespace detail;
  if constexpr (F::id == dtype::f32) store_f32(block, *values);
  if constexpr (F::id == dtype::f16) store_f16(block, *values);
  if constexpr (F::id == dtype::bf16) store(block, 2, f32_to_bf16(*values));
  if constexpr (F::id == dtype::q8_0 || F::id == dtype::q8_f32) {
    int const scale_bytes = F::bytes - 32;
    float const largest = extreme(values), d = (largest < 0 ? -largest : largest) / 127, per_d = inverse(d);
    scale_bytes == 2 ? store_f16(block, d) : store_f32(block, d);
    for (int i = 0; i < 32; ++i) block[scale_bytes + i] = std::byte(nearest(values[i] * per_d));
  }
  if constexpr (codes_of(F::id).bits < 8)
    for (int i = 0; i < F::bytes; ++i) block[i] = std::byte(0);
  if constexpr (F::id == dtype::q4_0 || F::id == dtype::q5_0) {
    constexpr int offset = codes_of(F::id).offset;
    float const d = extreme(values) / float(-offset), per_d = inverse(d);
    store_f16(block, d);
    encode_codes<F>(block, 0, 32, [&](int i) { return cut(values[i] * per_d + (float(offset) + 0.5f), 0, 2 * offset - 1); });
  }
  if constexpr (F::id == dtype::q4_1 || F::id == dtype::q5_1) {
    constexpr int top = (1 << codes_of(F::id).bits) - 1;
    auto const [least, most] = span_of(values);
    float const d = (most - least) / float(top), per_d = inverse(d);
    store_f16(block, d), store_f16(block + 2, least);
    encode_codes<F>(block, 0, 32, [&, low = least](int i) { return cut((values[i] - low) * per_d + 0.5f, 0, top); });
  }
  if constexpr (F::id == dtype::q4_k || F::id == dtype::q5_k) encode_with_minima<F>(values, block);
  if constexpr (F::id == dtype::q6_k) encode_q6_k(values, block);
}

/// Calls `f` with the format type that belongs to `t`: the step from what a file says to what is compiled.
constexpr decltype(auto) with_format(dtype t, auto&& f) {
  switch (t) {
    case dtype::f16: return f(f16{});
    case dtype::bf16: return f(bf16{});
    case dtype::q8_0: return f(q8_0{});
    case dtype::q4_0: return f(q4_0{});
    case dtype::q4_1: return f(q4_1{});
    case dtype::q8_f32: return f(q8_f32{});
    case dtype::q5_0: return f(q5_0{});
    case dtype::q5_1: return f(q5_1{});
    case dtype::q4_k: return f(q4_k{});
    case dtype::q5_k: return f(q5_k{});
    case dtype::q6_k: return f(q6_k{});
    default: return f(f32{});
  }
}

namespace detail {
inline void whole_blocks(dtype t, std::size_t values, std::size_t bytes, std::string_view where) {
  if (values % std::size_t(facts(t).block) != 0)
    throw error(where, std::string(facts(t).name) + " holds whole blocks",
                "a multiple of " + std::to_string(facts(t).block) + " values", std::to_string(values));
  if (bytes_of(t, values) != bytes)
    throw error(where, std::string(facts(t).name) + " of " + std::to_string(values) + " values",
                std::to_string(bytes_of(t, values)) + " bytes", std::to_string(bytes));
}
}  // namespace detail

/// Bytes in format `t` to f32. Throws cria::error when the sizes don't fit each other.
inline void decode(dtype t, std::span<std::byte const> bytes, std::span<float> values) {
  detail::whole_blocks(t, values.size(), bytes.size(), "decode");
  with_format(t, [&]<class F>(F) {
    for (std::size_t i = 0; i * F::block < values.size(); ++i)
      decode<F>(bytes.data() + i * F::bytes, values.data() + i * F::block);
  });
}

/// f32 to bytes in format `t`. Throws cria::error when `values` are not whole blocks.
inline std::vector<std::byte> encode(dtype t, std::span<float const> values) {
  std::vector<std::byte> bytes(bytes_of(t, values.size()));
  detail::whole_blocks(t, values.size(), bytes.size(), "encode");
  with_format(t, [&]<class F>(F) {
    for (std::size_t i = 0; i * F::block < values.size(); ++i)
      encode<F>(values.data() + i * F::block, bytes.data() + i * F::bytes);
  });
  return bytes;
}

}  // namespace cria
