#pragma once
// The panel: the rows of activations that a team multiplies with, evaluated once, in the format of the dot. Rows come in
// groups of N that lie side by side:
//   f32   [input][N]
//   int8  codes [block][8 groups of 4 inputs][N] words of 4 bytes, scales [block][N] f32, sums of a block's codes [block][N],
//         and each sum times its scale [block][N] f32
#include <Kokkos_Core.hpp>
#include <cstdint>

namespace cria::kernel {

struct int8_panel {
  std::int32_t* codes;
  float* scales;
  std::int32_t* sums;
  float* weighted;
};

/// One group of rows within a panel.
struct panel_group {
  float* floats;
  int8_panel int8;
};

/// Scratch memory of `rows` rows of `cols` inputs, in floats.
constexpr std::size_t panel_floats(bool floats, bool int8, int rows, int cols) {
  std::size_t const f = floats ? std::size_t(rows) * std::size_t(cols) : 0;
  return f + (int8 ? std::size_t(rows) * std::size_t(cols / 4 + 3 * (cols / 32)) : 0);
}

/// The group that starts at row `first` of a panel of `rows` rows.
KOKKOS_INLINE_FUNCTION panel_group group_at(float* scratch, bool floats, bool int8, int rows, int cols, int first) {
  float* const q = scratch + (floats ? std::size_t(rows) * std::size_t(cols) : 0);
  if (!int8) return {scratch + std::size_t(first) * std::size_t(cols), {}};
  std::size_t const words = std::size_t(cols / 4), blocks = std::size_t(cols / 32), all = std::size_t(rows), r = std::size_t(first);
  float* const scales = q + all * words + r * blocks;
  return {scratch + r * std::size_t(cols),
          {reinterpret_cast<std::int32_t*>(q + r * words), scales,
           reinterpret_cast<std::int32_t*>(scales + all * blocks), scales + 2 * all * blocks}};
}

/// Rounds 32 values to int8: scale = largest magnitude / 127, to nearest even. Magnitudes below 1e-30 count as 0; where a
/// value is no finite number the block becomes NaN.
KOKKOS_INLINE_FUNCTION void quantise_block(float const (&x)[32], int8_panel const& p, int block, int row, int rows) {
  float largest = 0, probe = 0;
  for (int i = 0; i < 32; ++i) {
    float const magnitude = Kokkos::fabs(x[i]);
    largest = magnitude > largest ? magnitude : largest;
    probe += x[i] * 0;  // NaN for NaN and infinity
  }
  bool const usable = largest >= 1e-30f && probe == 0;
  float const inverse = usable ? 127 / largest : 0;
  std::int32_t sum = 0;
  for (int g = 0; g < 8; ++g) {
    std::uint32_t word = 0;
    for (int j = 0; j < 4; ++j) {
      int const code = usable ? int(Kokkos::rint(x[4 * g + j] * inverse)) : 0;
      sum += code;
      word |= (std::uint32_t(code) & 0xffu) << (8 * j);
    }
    p.codes[(block * 8 + g) * rows + row] = std::int32_t(word);
  }
  int const at = block * rows + row;
  p.scales[at] = probe == 0 ? (usable ? largest / 127 : 0) : probe;
  p.sums[at] = sum;
  p.weighted[at] = p.scales[at] * float(sum);
}

}  // namespace cria::kernel
