#pragma once
// Packed weights: tiles of 16 output rows, lanes along the rows, so that one token and many sum in the same order.
//
//   f32, f16, bf16   [tile][input][16 rows]
//   quantised        [tile][block of the file]: scales [16 rows], minima [16 rows] (q4_1, q5_1, q4_k, q5_k), the small
//                    scales of parts of a block [part][16 rows] (q4_k, q5_k, q6_k), then for every 32 inputs words of 4
//                    bytes [word][16 rows]:
//                    high bits  5 bits: byte j of a word has bit g of input 4g + j; 6 bits: two words, of inputs below
//                               16 and from 16 on,
//                               whose byte j has bits 2g, 2g + 1 of input 4g + j
//                    codes      8 bits: word g has inputs 4g..4g+3; else: low nibbles inputs 4g.., high nibbles 16+4g..
//
// The size is the file's, rows filled up to 16 with zeros.
#include <Kokkos_Core.hpp>
#include <cstring>

#include "cria/core/blocks.hpp"

namespace cria::kernel {

inline constexpr int tile_rows = 16;

/// The layers of a weight whose formats differ: a place for each, in front of the first layer.
struct layer_place {
  std::uint64_t offset;  // from the first place
  std::int32_t format;   // its index in the weight's layer_formats
};
/// Bytes of these places; what follows them is as aligned as they are.
constexpr std::size_t places_bytes(int layers) { return (std::size_t(layers) * sizeof(layer_place) + 63) / 64 * 64; }

/// What is in front of a block's codes for each row: bytes of scale, minimum, and small scales of its parts.
template <dtype T, int Scale, int Minimum, int Small> struct layout_of_block {
  static constexpr int scale_bytes = Scale, minimum_bytes = Minimum, small = Small, head_bytes = Scale + Minimum + Small;
  static constexpr int bits = cria::detail::codes_of(T).bits, offset = cria::detail::codes_of(T).offset;
  static constexpr int high_bits = bits == 8 ? 0 : bits - 4, words = bits == 8 ? 8 : 4 + high_bits;  // of 32 inputs
  static constexpr int sub_bytes = 4 * words;
  static_assert(head_bytes + format<T>::block / 32 * sub_bytes == format<T>::bytes);
};
template <dtype T> struct block_layout : layout_of_block<T, 2, 0, 0> {};
template <> struct block_layout<dtype::q4_1> : layout_of_block<dtype::q4_1, 2, 2, 0> {};
template <> struct block_layout<dtype::q5_1> : layout_of_block<dtype::q5_1, 2, 2, 0> {};
template <> struct block_layout<dtype::q8_f32> : layout_of_block<dtype::q8_f32, 4, 0, 0> {};
template <> struct block_layout<dtype::q4_k> : layout_of_block<dtype::q4_k, 2, 2, 12> {};
template <> struct block_layout<dtype::q5_k> : layout_of_block<dtype::q5_k, 2, 2, 12> {};
template <> struct block_layout<dtype::q6_k> : layout_of_block<dtype::q6_k, 2, 0, 16> {};

/// Bytes of one packed tile of `cols` inputs.
constexpr std::size_t tile_bytes(dtype t, int cols) { return bytes_of(t, std::size_t(cols)) * tile_rows; }

/// Bytes of a packed matrix [rows, cols]. A vector (one row) is kept as it is, f32.
constexpr std::size_t packed_bytes(dtype t, int rows, int cols) {
  if (rows == 1) return std::size_t(cols) * sizeof(float);
  return std::size_t((rows + tile_rows - 1) / tile_rows) * tile_bytes(t, cols);
}

/// Packs row `row` of a tile: one block of a file.
template <dtype T> void pack_block(std::byte const* in, std::byte* to, int row) {
  using layout = block_layout<T>;
  auto const put = [&](void const* from, int bytes) {
    std::memcpy(to + row * bytes, from, std::size_t(bytes));
    to += bytes * tile_rows;
  };
  put(in + (T == dtype::q6_k ? cria::detail::q6_k_scale_at : 0), layout::scale_bytes);
  if constexpr (layout::minimum_bytes > 0) put(in + layout::scale_bytes, layout::minimum_bytes);
  for (int k = 0; k < layout::small; ++k)
    put(in + (T == dtype::q6_k ? cria::detail::q6_k_scales_at : cria::detail::k_scales_at) + k, 1);
  for (int begin = 0; begin < format<T>::block; begin += 32) {
    if constexpr (layout::bits == 8) {
      for (int g = 0; g < 8; ++g) put(in + layout::head_bytes + 4 * g, 4);
    } else {
      std::uint32_t high[3]{}, nibbles[4]{};
      for (int k = 0; k < 8; ++k) {
        std::uint32_t const word = cria::detail::codes<format<T>>(in, begin + 4 * k), above = word >> 4 & 0x0f0f0f0fu;
        nibbles[k % 4] |= (word & 0x0f0f0f0fu) << k / 4 * 4;
        if constexpr (layout::high_bits == 1) high[0] |= above << k;
        if constexpr (layout::high_bits == 2) high[k / 4] |= above << k % 4 * 2;
      }
      for (int k = 0; k < layout::high_bits; ++k) put(high + k, 4);
      for (std::uint32_t const& word : nibbles) put(&word, 4);
    }
  }
}

/// Packs tile `tile` of a matrix [rows, cols] in file order; rows past the end are zero.
template <dtype T> void pack_tile(std::byte const* file, std::byte* packed, int rows, int cols, int tile) {
  constexpr int bytes = format<T>::bytes;
  int const blocks = cols / format<T>::block;
  std::byte* const out = packed + std::size_t(tile) * tile_bytes(T, cols);
  if (rows < (tile + 1) * tile_rows) std::memset(out, 0, tile_bytes(T, cols));
  for (int r = 0; r < tile_rows && tile * tile_rows + r < rows; ++r) {
    std::byte const* in = file + std::size_t(tile * tile_rows + r) * std::size_t(blocks) * bytes;
    std::byte* to = out;
    for (int b = 0; b < blocks; ++b, in += bytes, to += bytes * tile_rows)
      if constexpr (format<T>::quantised) pack_block<T>(in, to, r);
      else std::memcpy(to + r * bytes, in, bytes);
  }
}

/// The same, with the format known at run time only.
inline void pack_tile(dtype t, std::byte const* file, std::byte* packed, int rows, int cols, int tile) {
  switch (t) {
    case dtype::f32: return pack_tile<dtype::f32>(file, packed, rows, cols, tile);
    case dtype::f16: return pack_tile<dtype::f16>(file, packed, rows, cols, tile);
    case dtype::bf16: return pack_tile<dtype::bf16>(file, packed, rows, cols, tile);
    case dtype::q8_0: return pack_tile<dtype::q8_0>(file, packed, rows, cols, tile);
    case dtype::q4_0: return pack_tile<dtype::q4_0>(file, packed, rows, cols, tile);
    case dtype::q4_1: return pack_tile<dtype::q4_1>(file, packed, rows, cols, tile);
    case dtype::q8_f32: return pack_tile<dtype::q8_f32>(file, packed, rows, cols, tile);
    case dtype::q5_0: return pack_tile<dtype::q5_0>(file, packed, rows, cols, tile);
    case dtype::q5_1: return pack_tile<dtype::q5_1>(file, packed, rows, cols, tile);
    case dtype::q4_k: return pack_tile<dtype::q4_k>(file, packed, rows, cols, tile);
    case dtype::q5_k: return pack_tile<dtype::q5_k>(file, packed, rows, cols, tile);
    case dtype::q6_k: return pack_tile<dtype::q6_k>(file, packed, rows, cols, tile);
  }
}

template <class V> KOKKOS_FORCEINLINE_FUNCTION V load(std::byte const* p) {
  V v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

}  // namespace cria::kernel
