#pragma once
// Values of every number format, read and written block by block, with the bits of GGUF's reference
// (ggml-quants.c and gguf-py's quants.py). Blocks are bytes, little-endian and without alignment.
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cria/core/dtype.hpp"
#include "cria/core/error.hpp"
#include "cria/core/half.hpp"

namespace cria {
namespace detail {

constexpr std::uint32_t load(std::byte const* p, int bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < bytes; ++i) value |= std::uint32_t(p[i]) << 8 * i;
  return value;
}

constexpr void store(std::byte* p, int bytes, std::uint32_t value) {
  for (int i = 0; i < bytes; ++i) p[i] = std::byte(value >> 8 * i & 0xffu);
}

constexpr float load_f16(std::byte const* p) { return f16_to_f32(std::uint16_t(load(p, 2))); }
constexpr float load_f32(std::byte const* p) { return std::bit_cast<float>(load(p, 4)); }
constexpr void store_f16(std::byte* p, float x) { store(p, 2, f32_to_f16(x)); }
constexpr void store_f32(std::byte* p, float x) { store(p, 4, std::bit_cast<std::uint32_t>(x)); }

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
constexpr float extreme(float const* values) {
  float largest = 0, found = 0;
  for (int i = 0; i < 32; ++i) {
    float const magnitude = values[i] < 0 ? -values[i] : values[i];
    if (magnitude > largest) largest = magnitude, found = values[i];
  }
  return found;
}

constexpr int nibble(std::byte const* codes, int i) { return int(codes[i % 16]) >> (i < 16 ? 0 : 4) & 15; }

constexpr std::byte nibbles(int low, int high) { return std::byte(low | high << 4); }

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
  if constexpr (F::id == dtype::q4_0) {
    float const d = load_f16(block);
    for (int i = 0; i < 32; ++i) values[i] = d * float(nibble(block + 2, i) - 8);
  }
  if constexpr (F::id == dtype::q4_1) {
    float const d = load_f16(block), least = load_f16(block + 2);
    for (int i = 0; i < 32; ++i) values[i] = d * float(nibble(block + 4, i)) + least;
  }
}

/// `F::block` values to one block of format F. Scales that f16 cannot hold become infinite or zero, as in GGUF's
/// reference.
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
  if constexpr (F::id == dtype::q4_0) {
    float const d = extreme(values) / -8, per_d = inverse(d);
    store_f16(block, d);
    auto const code = [&](int i) { return cut(values[i] * per_d + 8.5f, 0, 15); };
    for (int i = 0; i < 16; ++i) block[2 + i] = nibbles(code(i), code(i + 16));
  }
  if constexpr (F::id == dtype::q4_1) {
    float least = values[0], most = values[0];
    for (int i = 1; i < 32; ++i) {
      if (values[i] < least) least = values[i];
      if (values[i] > most) most = values[i];
    }
    float const d = (most - least) / 15, per_d = inverse(d);
    store_f16(block, d), store_f16(block + 2, least);
    auto const code = [&](int i) { return cut((values[i] - least) * per_d + 0.5f, 0, 15); };
    for (int i = 0; i < 16; ++i) block[4 + i] = nibbles(code(i), code(i + 16));
  }
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
