#pragma once
// Where the codes and scales of a block lie in a file: bytes, little-endian and without alignment. Source: ggml-common.h.
#include <bit>
#include <cstddef>
#include <cstdint>

#include "cria/core/dtype.hpp"
#include "cria/core/half.hpp"

namespace cria::detail {

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

/// Bits of a code, and what is taken off it before it is scaled; codes of 8 bits have a sign of their own.
struct code_facts {
  int bits, offset;
};
constexpr code_facts codes_of(dtype t) {
  switch (t) {
    case dtype::q4_0: return {4, 8};
    case dtype::q5_0: return {5, 16};
    case dtype::q6_k: return {6, 32};
    case dtype::q4_1:
    case dtype::q4_k: return {4, 0};
    case dtype::q5_1:
    case dtype::q5_k: return {5, 0};
    default: return {8, 0};
  }
}

/// Where the low nibbles of values i .. i + 3, i a multiple of 4, begin, and by how many bits they are moved.
struct nibble_place {
  int at, shift;
};
template <class F> constexpr nibble_place low_bits(int i) {
  if constexpr (F::block == 32) return {F::bytes - 16 + i % 16, i / 16 * 4};
  else if constexpr (F::id == dtype::q6_k) return {i / 128 * 64 + i % 64, i % 128 / 64 * 4};
  else return {F::bytes - 128 + i / 64 * 32 + i % 32, i / 32 % 2 * 4};
}
/// Where their fifth bit (in q6_k: fifth and sixth) is. In q5_0 and q5_1 the bits of 32 values follow each other in a word.
template <class F> constexpr nibble_place high_bits(int i) {
  if constexpr (F::block == 32) return {F::bytes - 20, i};
  else if constexpr (F::id == dtype::q6_k) return {128 + i / 128 * 32 + i % 32, i % 128 / 32 * 2};
  else return {16 + i % 32, i / 32};
}

/// The codes of values i .. i + 3 of a block, in the bytes of a word: 4, 5 or 6 bits without a sign.
template <class F> constexpr std::uint32_t codes(std::byte const* block, int i) {
  constexpr int bits = codes_of(F::id).bits;
  nibble_place const low = low_bits<F>(i), high = high_bits<F>(i);
  std::uint32_t word = load(block + low.at, 4) >> low.shift & 0x0f0f0f0fu;
  if constexpr (bits > 4) {
    std::uint32_t const from = load(block + high.at, 4) >> high.shift;
    if constexpr (F::block == 32) word |= ((from & 15) * 0x00204081u & 0x01010101u) << 4;  // bit j to byte j
    else word |= (from & (bits == 5 ? 0x01010101u : 0x03030303u)) << 4;
  }
  return word;
}

/// Writes them into a block of zeros.
template <class F> constexpr void put_codes(std::byte* block, int i, std::uint32_t word) {
  auto const add = [&](int at, std::uint32_t bits) { store(block + at, 4, load(block + at, 4) | bits); };
  nibble_place const low = low_bits<F>(i), high = high_bits<F>(i);
  add(low.at, (word & 0x0f0f0f0fu) << low.shift);
  if constexpr (codes_of(F::id).bits == 4) return;
  std::uint32_t const rest = word >> 4 & 0x0f0f0f0fu;
  if constexpr (F::block == 32) add(high.at, (rest | rest >> 7 | rest >> 14 | rest >> 21) % 16u << high.shift);
  else add(high.at, rest << high.shift);
}

/// Scale and minimum of 32 values of q4_k and q5_k: 6 bits each, for j = 0 .. 7 in 12 bytes. Those of the first four
/// are in bytes j and 4 + j; of the others the low bits are in byte 4 + j, the high ones above those of the first four.
struct six_bits {
  int scale, minimum;
};
constexpr six_bits scales_of(std::byte const* s, int j) {
  auto const at = [&](int i) { return int(s[i]); };
  if (j < 4) return {at(j) & 63, at(4 + j) & 63};
  return {(at(4 + j) & 15) | (at(j - 4) >> 2 & 48), at(4 + j) >> 4 | (at(j) >> 2 & 48)};
}
constexpr void put_scales(std::byte* s, int j, six_bits x) {
  auto const add = [&](int i, int bits) { s[i] |= std::byte(bits); };
  if (j < 4) return add(j, x.scale), add(4 + j, x.minimum);
  add(4 + j, (x.scale & 15) | (x.minimum & 15) << 4), add(j - 4, x.scale >> 4 << 6), add(j, x.minimum >> 4 << 6);
}

inline constexpr int k_scales_at = 4, q6_k_scales_at = 192, q6_k_scale_at = 208;  // bytes of a block

}  // namespace cria::detail
