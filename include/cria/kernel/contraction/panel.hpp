#pragma once
// The panel: the rows of activations that a team multiplies with, evaluated once, in the format of the dot. Rows come in
// groups of N that lie side by side:
//   f32   [input][N]
//   int8  codes [block][8 groups of 4 inputs][N] words of 4 bytes, scales [block][N] f32, and of a block's codes the sum:
//         -8 times it [block][N], the scale times it [block][N] f32, and -8 times that of the first 16 codes [block][N]
#include <bit>
#include <cstdint>
#include <cstring>

#include "cria/kernel/lanes.hpp"

namespace cria::kernel {

struct int8_panel {
  std::int32_t* codes;
  float* scales;
  std::int32_t* minus_eight;
  float* weighted;
  std::int32_t* first_half;
};

/// One group of rows within a panel.
struct panel_group {
  float* floats;
  int8_panel int8;
};

/// Scratch memory of `rows` rows of `cols` inputs, in floats.
constexpr std::size_t panel_floats(bool floats, bool int8, int rows, int cols) {
  std::size_t const f = floats ? std::size_t(rows) * std::size_t(cols) : 0;
  return f + (int8 ? std::size_t(rows) * std::size_t(cols / 4 + 4 * (cols / 32)) : 0);
}

/// The group that starts at row `first` of a panel of `rows` rows.
KOKKOS_INLINE_FUNCTION panel_group group_at(float* scratch, bool floats, bool int8, int rows, int cols, int first) {
  float* const q = scratch + (floats ? std::size_t(rows) * std::size_t(cols) : 0);
  if (!int8) return {scratch + std::size_t(first) * std::size_t(cols), {}};
  std::size_t const words = std::size_t(cols / 4), blocks = std::size_t(cols / 32), all = std::size_t(rows),
                    r = std::size_t(first);
  float* const scales = q + all * words + r * blocks;
  return {scratch + r * std::size_t(cols),
          {reinterpret_cast<std::int32_t*>(q + r * words), scales,
           reinterpret_cast<std::int32_t*>(scales + all * blocks), scales + 2 * all * blocks,
           reinterpret_cast<std::int32_t*>(scales + 3 * all * blocks)}};
}

/// Rounds 32 values to int8: scale = largest magnitude / 127, to nearest even. Magnitudes below 1e-30 count as 0; where a
/// value is no finite number the block becomes NaN.
template <class V>
KOKKOS_INLINE_FUNCTION void quantise_block(float const (&x)[32], int8_panel const& p, int block, int row, int rows) {
  constexpr int vectors = 32 / V::width;
  typename V::f const zero = V::splat(0.0f), shift = V::splat(12582912.0f);  // 1.5 * 2^23: added, it rounds to nearest even
  typename V::f most[vectors], probe[vectors];
  for (int v = 0; v < vectors; ++v) {
    typename V::f const own = V::load(x + v * V::width);
    most[v] = own < zero ? -own : own;
    probe[v] = own * zero;  // NaN for NaN and infinity
  }
  float const largest = fold<V>(most, larger{}), flaw = fold<V>(probe, plus{});
  bool const usable = largest >= 1e-30f && flaw == 0;
  float const inverse = usable ? 127 / largest : 0;
  std::int8_t bytes[32];
  typename V::i code[vectors];
  for (int v = 0; v < vectors; ++v) {
    typename V::f const shifted = V::load(x + v * V::width) * V::splat(inverse) + shift;
    code[v] = usable ? std::bit_cast<typename V::i>(shifted) - 0x4b400000 : V::splat(0);
    V::store_bytes(bytes + v * V::width, code[v]);
  }
  std::int32_t first = 0;
  for (int i = 0; i < 16; ++i) first += bytes[i];
  std::int32_t const sum = fold<V>(code, plus{});
  for (int g = 0; g < 8; ++g) std::memcpy(p.codes + (block * 8 + g) * rows + row, bytes + 4 * g, 4);
  int const at = block * rows + row;
  p.scales[at] = flaw == 0 ? (usable ? largest / 127 : 0) : flaw;
  p.minus_eight[at] = -8 * sum, p.first_half[at] = -8 * first;
  p.weighted[at] = p.scales[at] * float(sum);
}

}  // namespace cria::kernel
