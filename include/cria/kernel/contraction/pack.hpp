#pragma once
// Packed weights: tiles of 16 output rows, lanes along the rows, so that one token and many sum in the same order.
//
//   f32, f16, bf16   [tile][input][16 rows]
//   quantised        [tile][block of 32 inputs]: 16 scales, 16 minima (q4_1), then groups of [16 rows][4 bytes]:
//                    int8: group g holds inputs 4g..4g+3; 4 bit: low nibbles inputs 4g.., high nibbles 16+4g..
//
// The size is the file's, rows filled up to 16 with zeros. Packing moves words of 4 bytes, never a nibble.
#include <Kokkos_Core.hpp>
#include <cstring>

#include "cria/core/dtype.hpp"
#include "cria/core/half.hpp"

namespace cria::kernel {

inline constexpr int tile_rows = 16;

/// How a quantised block is laid out in a file: bytes of scale and minimum in front, bits of a code, what is taken off it.
template <int Scale, int Minimum, int Offset, bool Nibbles> struct layout_of_block {
  static constexpr int scale_bytes = Scale, minimum_bytes = Minimum, head_bytes = Scale + Minimum, offset = Offset;
  static constexpr bool nibbles = Nibbles;
};
template <dtype T> struct block_layout;
template <> struct block_layout<dtype::q8_0> : layout_of_block<2, 0, 0, false> {};
template <> struct block_layout<dtype::q4_0> : layout_of_block<2, 0, 8, true> {};
template <> struct block_layout<dtype::q4_1> : layout_of_block<2, 2, 0, true> {};
template <> struct block_layout<dtype::q8_f32> : layout_of_block<4, 0, 0, false> {};

/// Bytes of one packed tile of `cols` inputs.
constexpr std::size_t tile_bytes(dtype t, int cols) { return bytes_of(t, std::size_t(cols)) * tile_rows; }

/// Bytes of a packed matrix [rows, cols]. A vector (one row) is kept as it is, f32.
constexpr std::size_t packed_bytes(dtype t, int rows, int cols) {
  if (rows == 1) return std::size_t(cols) * sizeof(float);
  return std::size_t((rows + tile_rows - 1) / tile_rows) * tile_bytes(t, cols);
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
    for (int b = 0; b < blocks; ++b, in += bytes, to += bytes * tile_rows) {
      if constexpr (!format<T>::quantised) {
        std::memcpy(to + r * bytes, in, bytes);
      } else {
        constexpr int part = block_layout<T>::scale_bytes, head = block_layout<T>::head_bytes;
        for (int h = 0; h < head; h += part) std::memcpy(to + h * tile_rows + r * part, in + h, part);
        for (int w = head; w < bytes; w += 4) std::memcpy(to + w * tile_rows + r * 4, in + w, 4);
      }
    }
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
  }
}

template <class V> KOKKOS_FORCEINLINE_FUNCTION V load(std::byte const* p) {
  V v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

/// Element (row, col) of a packed matrix, as f32. For what reads a few elements: embeddings, and the portable backward.
template <dtype T> KOKKOS_INLINE_FUNCTION float element(std::byte const* packed, int row, int col, int cols) {
  std::byte const* const tile = packed + std::size_t(row / tile_rows) * tile_bytes(T, cols);
  int const r = row % tile_rows;
  if constexpr (T == dtype::f32) return load<float>(tile + (std::size_t(col) * tile_rows + std::size_t(r)) * 4);
  else if constexpr (T == dtype::f16) return f16_to_f32(load<std::uint16_t>(tile + (std::size_t(col) * tile_rows + std::size_t(r)) * 2));
  else if constexpr (T == dtype::bf16) return bf16_to_f32(load<std::uint16_t>(tile + (std::size_t(col) * tile_rows + std::size_t(r)) * 2));
  else {
    using layout = block_layout<T>;
    constexpr int head = layout::head_bytes;
    std::byte const* const block = tile + std::size_t(col / 32) * std::size_t(format<T>::bytes) * tile_rows;
    int const i = col % 32, group = layout::nibbles ? i % 16 / 4 : i / 4;
    float scale;
    if constexpr (layout::scale_bytes == 4) scale = load<float>(block + r * 4);
    else scale = f16_to_f32(load<std::uint16_t>(block + r * 2));
    int const byte = int(load<std::int8_t>(block + head * tile_rows + (group * tile_rows + r) * 4 + i % 4));
    int const code = !layout::nibbles ? byte : (i < 16 ? byte & 15 : byte >> 4 & 15) - layout::offset;
    float const value = scale * float(code);
    if constexpr (layout::minimum_bytes == 0) return value;
    else return value + f16_to_f32(load<std::uint16_t>(block + 2 * tile_rows + r * 2));
  }
}

}  // namespace cria::kernel
