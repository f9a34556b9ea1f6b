#pragma once
// dot(panel, packed weights) -> tile of sums: the seam where specialisations go. They may differ in everything but the chain
// of each sum, which is what makes the bits of one token and many equal:
//   f32 panel:  acc = fma(w, x, acc) for each input in order;
//   int8 panel: an exact integer sum per block of 32, then acc = fma(sum, w scale * x scale, acc), blocks in order, and for
//               formats with a minimum acc = fma(minimum, x scale * (sum of x), acc).
#include "cria/kernel/contraction/pack.hpp"
#include "cria/kernel/contraction/panel.hpp"
#include "cria/kernel/lanes.hpp"

namespace cria::kernel {

/// Sums of N rows of activations against L lanes of a tile: [row][vector].
template <class V, int L, int N> struct sums {
  static constexpr int vectors = L / V::width;
  typename V::f at[N][vectors];
};

namespace detail {

/// Scales or minima of a block: lanes of f16 or f32.
template <class V, int Bytes> KOKKOS_FORCEINLINE_FUNCTION typename V::f load_scales(std::byte const* p, int lane) {
  if constexpr (Bytes == 4) return V::load(reinterpret_cast<float const*>(p) + lane);
  else return V::load_f16(reinterpret_cast<std::uint16_t const*>(p) + lane);
}

template <dtype T, class V> KOKKOS_FORCEINLINE_FUNCTION typename V::f load_floats(std::byte const* p, int lane) {
  if constexpr (T == dtype::f32) return V::load(reinterpret_cast<float const*>(p) + lane);
  else if constexpr (T == dtype::f16) return V::load_f16(reinterpret_cast<std::uint16_t const*>(p) + lane);
  else return V::load_bf16(reinterpret_cast<std::uint16_t const*>(p) + lane);
}

/// Weights that are floats.
template <dtype T, class V, int L, int N>
KOKKOS_FORCEINLINE_FUNCTION void dot_floats(std::byte const* tile, int lane, float const* panel, int cols, sums<V, L, N>& s) {
  for (int k = 0; k < cols; ++k, tile += format<T>::bytes * tile_rows, panel += N)
    for (int v = 0; v < L / V::width; ++v) {
      typename V::f const w = load_floats<T, V>(tile, lane + v * V::width);
      for (int n = 0; n < N; ++n) s.at[n][v] = V::fma(w, V::splat(panel[n]), s.at[n][v]);
    }
}

/// Weights in blocks against f32 activations: each weight becomes the f32 that the format defines.
template <dtype T, class V, int L, int N>
KOKKOS_FORCEINLINE_FUNCTION void dot_blocks(std::byte const* tile, int lane, float const* panel, int cols, sums<V, L, N>& s) {
  using layout = block_layout<T>;
  constexpr int head = layout::scale_bytes + layout::minimum_bytes;
  for (int b = 0; b < cols / 32; ++b, tile += format<T>::bytes * tile_rows, panel += 32 * N)
    for (int v = 0; v < L / V::width; ++v) {
      int const at = lane + v * V::width;
      typename V::f const scale = load_scales<V, layout::scale_bytes>(tile, at);
      typename V::f minimum = V::splat(0.0f);
      if constexpr (layout::minimum_bytes > 0) minimum = load_scales<V, layout::minimum_bytes>(tile + layout::scale_bytes * tile_rows, at);
      std::int32_t const* const words = reinterpret_cast<std::int32_t const*>(tile + head * tile_rows);
      for (int g = 0; g < 8; ++g) {
        typename V::i w = V::load_words(words + (layout::nibbles ? g % 4 : g) * tile_rows + at);
        if constexpr (layout::nibbles) w = g < 4 ? V::low_nibbles(w) : V::high_nibbles(w);
        for (int j = 0; j < 4; ++j) {
          typename V::f weight = scale * V::to_float(V::byte(w, j) - layout::offset);
          if constexpr (layout::minimum_bytes > 0) weight = weight + minimum;
          for (int n = 0; n < N; ++n) s.at[n][v] = V::fma(weight, V::splat(panel[(4 * g + j) * N + n]), s.at[n][v]);
        }
      }
    }
}

/// Weights in blocks against int8 activations.
template <dtype T, class V, int L, int N>
KOKKOS_FORCEINLINE_FUNCTION void dot_int8(std::byte const* tile, int lane, int8_panel const& panel, int cols, sums<V, L, N>& s) {
  using layout = block_layout<T>;
  constexpr int head = layout::scale_bytes + layout::minimum_bytes;
  for (int b = 0; b < cols / 32; ++b, tile += format<T>::bytes * tile_rows) {
    std::int32_t const *const codes = panel.codes + std::size_t(b) * 8 * N, *const sum = panel.sums + b * N;
    float const* const scales = panel.scales + b * N;
    for (int v = 0; v < L / V::width; ++v) {
      int const at = lane + v * V::width;
      std::int32_t const* const words = reinterpret_cast<std::int32_t const*>(tile + head * tile_rows);
      typename V::i dots[N] = {}, more[N] = {};  // one row alone takes two chains, which hide the latency
      for (int g = 0; g < 8; ++g) {
        if constexpr (layout::nibbles) {
          typename V::i const w = V::load_words(words + g % 4 * tile_rows + at), u = g < 4 ? V::low_nibbles(w) : V::high_nibbles(w);
          auto& chain = N == 1 && g % 2 == 1 ? more : dots;
          for (int n = 0; n < N; ++n) chain[n] = V::dot4_nibbles(chain[n], u, codes[g * N + n]);
        } else {
          typename V::i const w = V::load_words(words + g * tile_rows + at);
          auto& chain = N == 1 && g % 2 == 1 ? more : dots;
          for (int n = 0; n < N; ++n) chain[n] = V::dot4_bytes(chain[n], w, codes[g * N + n]);
        }
      }
      if constexpr (N == 1) dots[0] = dots[0] + more[0];
      constexpr int offset = layout::nibbles ? layout::offset : V::byte_offset;
      typename V::f const scale = load_scales<V, layout::scale_bytes>(tile, at);
      for (int n = 0; n < N; ++n) s.at[n][v] = V::fma(V::to_float(dots[n] - offset * sum[n]), scale * scales[n], s.at[n][v]);
      if constexpr (layout::minimum_bytes > 0) {
        typename V::f const minimum = load_scales<V, layout::minimum_bytes>(tile + layout::scale_bytes * tile_rows, at);
        for (int n = 0; n < N; ++n) s.at[n][v] = V::fma(minimum, V::splat(scales[n] * float(sum[n])), s.at[n][v]);
      }
    }
  }
}

}  // namespace detail

/// Adds N rows of a panel, `cols` inputs each, against lanes [lane, lane + L) of a packed tile.
template <dtype T, bool Int8, class V, int L, int N>
KOKKOS_FORCEINLINE_FUNCTION void dot(std::byte const* tile, int lane, panel_group const& p, int cols, sums<V, L, N>& s) {
  if constexpr (!format<T>::quantised) detail::dot_floats<T, V, L, N>(tile, lane, p.floats, cols, s);
  else if constexpr (Int8) detail::dot_int8<T, V, L, N>(tile, lane, p.int8, cols, s);
  else detail::dot_blocks<T, V, L, N>(tile, lane, p.floats, cols, s);
}

}  // namespace cria::kernel
