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

/// The panel of one left operand: `count` rows of `depth` inputs in groups of Many, then of 4, then alone. Kernels whose
/// panels look alike share the code that reads them.
template <int Many> struct panel_rows {
  float* panel;
  int count, depth;
  bool floats, int8;
  int chunk;  // above 0: f32 lies chunk after chunk of so many inputs, so that all of memory is read in order

  /// Rows of the group that begins at row `first`.
  KOKKOS_INLINE_FUNCTION static int group_rows(int first, int count) {
    return first + Many <= count ? Many : Many > 4 && first + 4 <= count ? 4 : 1;
  }
  KOKKOS_INLINE_FUNCTION static int groups(int count) {
    int const rest = count % Many;
    return count / Many + (Many > 4 ? rest / 4 + rest % 4 : rest);
  }
  /// The first row of group `index`.
  KOKKOS_INLINE_FUNCTION static int group_begin(int index, int count) {
    int const whole = count / Many, rest = index - whole;
    if (rest < 0) return index * Many;
    int const fours = Many > 4 ? count % Many / 4 : 0;
    return whole * Many + (rest < fours ? rest * 4 : fours * 4 + rest - fours);
  }
  /// Calls f(first row, rows as a constant) for the group that begins at row `first`; returns its end.
  template <class F> KOKKOS_INLINE_FUNCTION static int with_group(int first, int count, F const& f) {
    if (first + Many <= count) return f(first, std::integral_constant<int, Many>{}), first + Many;
    if constexpr (Many > 4)
      if (first + 4 <= count) return f(first, std::integral_constant<int, 4>{}), first + 4;
    return f(first, std::integral_constant<int, 1>{}), first + 1;
  }

  /// The group of rows that begins at row `first`, for inputs of the chunk that holds input k.
  KOKKOS_INLINE_FUNCTION panel_group group(int first, int k) const {
    panel_group rows = group_at(panel, floats, int8, count, depth, first);
    if (chunk > 0) {
      int const begin = k / chunk * chunk, inputs = Kokkos::min(chunk, depth - begin);
      // input k of the group is then at k times its rows
      rows.floats = panel + std::size_t(begin) * std::size_t(count - group_rows(first, count)) +
                    std::size_t(first) * std::size_t(inputs);
    }
    return rows;
  }
};

/// Turns N rows of 32 values into [input][N].
template <int N> KOKKOS_FUNCTION void turn_rows(float const (*x)[32], int inputs, float* to) {
  for (int k = 0; k < inputs; ++k)
    for (int i = 0; i < N; ++i) to[std::size_t(k) * N + std::size_t(i)] = x[i][k];
}

/// Rounds 32 values to int8: scale = largest magnitude / 127, to nearest even. Magnitudes below 1e-30 count as 0; where a
/// value is no finite number the block becomes NaN.
template <class V>
KOKKOS_FUNCTION void quantise_block(float const (&x)[32], int8_panel const& p, int block, int row, int rows) {
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
