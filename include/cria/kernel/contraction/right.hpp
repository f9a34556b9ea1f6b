#pragma once
// The right operand of some columns and inputs as f32 in tiles of 16 columns, [tile][input][16]: what a block of rows
// multiplies with where the operand does not lie so in memory. Made once for all rows of the block.
#include "cria/kernel/context.hpp"
#include "cria/kernel/contraction/dot.hpp"

namespace cria::kernel {

/// Tile `tile` of a packed matrix of `cols` inputs, inputs [begin, end), decoded.
template <dtype T, class V>
KOKKOS_INLINE_FUNCTION void decode_tile(std::byte const* packed, int cols, int tile, int begin, int end, float* to) {
  std::byte const* const from = packed + std::size_t(tile) * tile_bytes(T, cols);
  for (int lane = 0; lane < tile_rows; lane += V::width)
    if constexpr (!format<T>::quantised)
      for (int k = begin; k < end; ++k)
        V::store(to + (k - begin) * tile_rows + lane,
                 detail::load_floats<T, V>(from + std::size_t(k) * format<T>::bytes * tile_rows, lane));
    else
      for (int b = begin / 32; b < end / 32; ++b)
        tile_block<T, V>(from, b, lane).decode([&](int k, typename V::f const& weight) {
          V::store(to + (b * 32 + k - begin) * tile_rows + lane, weight);
        });
}

/// The 16 rows from `first` on of a caller's matrix of `rows` rows, inputs [begin, end), wherever its elements lie.
/// Rows past the end repeat the last.
template <class V>
KOKKOS_INLINE_FUNCTION void gather_tile(float const* matrix, strides const& s, int rows, int first, int begin, int end,
                                        float* to) {
  constexpr int W = V::width;
  auto const row = [&](int r) { return matrix + std::ptrdiff_t(Kokkos::min(first + r, rows - 1)) * s.row; };
  for (int lane = 0; lane < tile_rows; lane += W) {
    int k = begin;
    for (; s.col == 1 && k + W <= end; k += W) {
      typename V::f block[W];
      detail::each_constant<W>([&](auto i) { block[i()] = V::load(row(lane + i()) + k); });
      V::transpose(block);
      detail::each_constant<W>([&](auto i) { V::store(to + (k - begin + i()) * tile_rows + lane, block[i()]); });
    }
    for (; s.row == 1 && first + tile_rows <= rows && k < end; ++k)
      V::store(to + (k - begin) * tile_rows + lane, V::load(matrix + first + lane + std::ptrdiff_t(k) * s.col));
    for (; k < end; ++k)
      for (int i = 0; i < W; ++i) to[(k - begin) * tile_rows + lane + i] = row(lane + i)[std::ptrdiff_t(k) * s.col];
  }
}

/// A packed matrix [rows, cols] turned: its columns [first, first + 16) for its rows [begin, end) as inputs, begin a
/// multiple of 16. Columns past the end repeat the last.
template <dtype T, class V>
KOKKOS_INLINE_FUNCTION void turn_tile(std::byte const* packed, int cols, int first, int begin, int end, float* to) {
  if constexpr (format<T>::quantised) {
    for (int k = begin; k < end; ++k)
      for (int l = 0; l < tile_rows; ++l)
        to[(k - begin) * tile_rows + l] = element<T>(packed, k, Kokkos::min(first + l, cols - 1), cols);
  } else {
    constexpr int W = V::width;
    for (int k = begin; k < end; k += tile_rows) {
      std::byte const* const tile = packed + std::size_t(k / tile_rows) * tile_bytes(T, cols);
      for (int row = 0; row < tile_rows; row += W)
        for (int l = 0; l < tile_rows; l += W) {
          typename V::f block[W];
          detail::each_constant<W>([&](auto i) {
            block[i()] = detail::load_floats<T, V>(
                tile + std::size_t(Kokkos::min(first + l + i(), cols - 1)) * format<T>::bytes * tile_rows, row);
          });
          V::transpose(block);
          detail::each_constant<W>([&](auto i) { V::store(to + (k - begin + row + i()) * tile_rows + l, block[i()]); });
        }
    }
  }
}

}  // namespace cria::kernel
