#pragma once
// dot(panel, packed weights) -> sums: the seam where specialisations go. They may differ in everything but the chain of each
// sum, which is what makes the bits of one token and many equal:
//   f32 panel:  acc = fma(w, x, acc) for each input in order;
//   int8 panel: an exact integer sum per block of 32, then acc = fma(sum, w scale * x scale, acc), blocks in order, and for
//               formats with a minimum acc = fma(minimum, x scale * (sum of x), acc). A block with two scales (q6_k) makes two
//               such steps, of 16 inputs each.
// A chain may be stopped and taken up again: sums go through memory as f32. Nothing here knows of programs: every kernel of
// every model shares these functions.
#include "cria/kernel/contraction/block.hpp"
#include "cria/kernel/contraction/panel.hpp"

namespace cria::kernel {

/// Neighbouring tiles of a packed matrix: tile t begins at `first + t * stride`.
struct tile_run {
  std::byte const* first;
  std::size_t stride;
};

namespace detail {

/// The lanes of vector v of a run of tiles, from `lane` on: which tile, and which row of it.
template <class V> KOKKOS_FORCEINLINE_FUNCTION constexpr int tile_of(int lane, int v) {
  return (lane + v * V::width) / tile_rows;
}
template <class V> KOKKOS_FORCEINLINE_FUNCTION constexpr int row_of(int lane, int v) { return (lane + v * V::width) % tile_rows; }

template <dtype T, class V> KOKKOS_FORCEINLINE_FUNCTION typename V::f load_floats(std::byte const* p, int lane) {
  if constexpr (T == dtype::f32) return V::load(reinterpret_cast<float const*>(p) + lane);
  else if constexpr (T == dtype::f16) return V::load_f16(reinterpret_cast<std::uint16_t const*>(p) + lane);
  else return V::load_bf16(reinterpret_cast<std::uint16_t const*>(p) + lane);
}

/// f32 sums of N rows with weights of any format; inputs [begin, end), whole blocks.
template <dtype T, class V, int L, int N>
KOKKOS_FUNCTION void dot_floats(tile_run w, int lane, float const* panel, int begin, int end, float* to, int row_stride) {
  constexpr int vectors = L / V::width;
  typename V::f sum[N][vectors];
  each_constant<N>([&](auto n) {
    each_constant<vectors>([&](auto v) { sum[n][v] = V::load(to + n * row_stride + v * V::width); });
  });
  panel += std::size_t(begin) * N;
  if constexpr (!format<T>::quantised) {
    std::byte const* from[vectors];
    each_constant<vectors>([&](auto v) {
      from[v] =
          w.first + std::size_t(tile_of<V>(lane, v)) * w.stride + std::size_t(begin) * format<T>::bytes * tile_rows;
    });
    for (int k = begin; k < end; ++k, panel += N) {
      typename V::f x[vectors];
      each_constant<vectors>([&](auto v) {
        x[v] = load_floats<T, V>(from[v], row_of<V>(lane, v)), from[v] += format<T>::bytes * tile_rows;
      });
      each_constant<N>([&](auto n) {
        each_constant<vectors>([&](auto v) { sum[n][v] = V::fma(x[v], V::splat(panel[n]), sum[n][v]); });
      });
    }
  } else {
    for (int b = begin / 32; b < end / 32; ++b, panel += 32 * N)
      each_constant<vectors>([&](auto v) {
        tile_block<T, V> const block(w.first + std::size_t(tile_of<V>(lane, v)) * w.stride, b, row_of<V>(lane, v));
        block.decode([&](int k, typename V::f const& weight) {
          each_constant<N>([&](auto n) { sum[n][v] = V::fma(weight, V::splat(panel[k * N + n]), sum[n][v]); });
        });
      });
  }
  each_constant<N>([&](auto n) {
    each_constant<vectors>([&](auto v) { V::store(to + n * row_stride + v * V::width, sum[n][v]); });
  });
}

inline constexpr int prefetched_bytes = 2048;

/// Sums of N rows in int8 with weights in blocks; inputs [begin, end), whole blocks of 32.
template <dtype T, class V, int L, int N>
KOKKOS_FUNCTION void dot_int8(tile_run w, int lane, int8_panel const& panel, int begin, int end, float* to, int row_stride) {
  using block_type = tile_block<T, V>;
  using layout = block_layout<T>;
  constexpr bool bytes = layout::bits == 8, two_scales = T == dtype::q6_k;
  constexpr int vectors = L / V::width, offset = bytes ? V::byte_offset : layout::offset;
  constexpr int fitting = V::sums_in_halves ? 32767 / (2 * 127 * ((1 << layout::bits) - 1)) : 8;  // groups of 4 inputs, in halves
  typename V::f sum[N][vectors];
  each_constant<N>([&](auto n) {
    each_constant<vectors>([&](auto v) { sum[n][v] = V::load(to + n * row_stride + v * V::width); });
  });
  for (int b = begin / 32; b < end / 32; ++b) {
    std::int32_t const* const codes = panel.codes + std::size_t(b) * 8 * N;
    std::int32_t const *const minus_eight = panel.minus_eight + b * N, *const first_half = panel.first_half + b * N;
    float const *const scales = panel.scales + b * N, *const weighted = panel.weighted + b * N;
    block_type block[vectors];
    each_constant<vectors>([&](auto v) {
      block[v] = block_type(w.first + std::size_t(tile_of<V>(lane, v)) * w.stride, b, row_of<V>(lane, v));
    });
    if constexpr (N == 1)  // one row takes each weight once: ask for memory before it is wanted
      for (int i = 0, own = format<T>::bytes * tile_rows / block_type::subs; i < own; i += 64)
        V::prefetch(block[0].head + block[0].sub * own + prefetched_bytes + i);
    typename V::i dots[N][vectors] = {};
    auto const each = [&](auto const& f) { each_constant<N>([&](auto n) { each_constant<vectors>([&](auto v) { f(n, v); }); }); };
    auto const add = [&](int half, auto const& minus_eight_of) {  // the sums so far, scaled
      each_constant<vectors>([&](auto v) {
        typename V::f const scale = block[v].scale(half);
        each_constant<N>([&](auto n) {
          if constexpr (offset != 0) dots[n][v] = dots[n][v] + V::in_register(V::splat(minus_eight_of(n))) * (offset / 8);
          sum[n][v] = V::fma(V::to_float(dots[n][v]), scale * scales[n], sum[n][v]);
        });
      });
    };
    if constexpr (bytes) {
      each_constant<8>([&](auto g) {
        each_constant<vectors>([&](auto v) {
          typename V::i const x = block[v].word(g);
          each_constant<N>([&](auto n) { dots[n][v] = V::dot4_bytes(dots[n][v], x, codes[g * N + n]); });
        });
      });
    } else if constexpr (fitting >= 8 && !two_scales) {  // each word of nibbles is loaded once
      each_constant<4>([&](auto g) {
        each_constant<vectors>([&](auto v) {
          typename V::i const nibbles = block[v].word(g), low = block[v].codes(nibbles, 0, g),
                              high = block[v].codes(nibbles, 1, g);
          each_constant<N>([&](auto n) { dots[n][v] = V::dot4_small(dots[n][v], low, codes[g * N + n]); });
          each_constant<N>([&](auto n) { dots[n][v] = V::dot4_small(dots[n][v], high, codes[(g + 4) * N + n]); });
        });
      });
      each([&](auto n, auto v) { dots[n][v] = V::block_sum(dots[n][v]); });
    } else {
      constexpr int run = fitting < 4 ? fitting : 4;
      each_constant<2>([&](auto half) {
        for (int begin_of_run = 0; begin_of_run < 4; begin_of_run += run) {
          typename V::i some[N][vectors] = {};
          for (int g = begin_of_run; g < begin_of_run + run; ++g)
            each_constant<vectors>([&](auto v) {
              typename V::i const x = block[v].codes(half, g);
              each_constant<N>([&](auto n) { some[n][v] = V::dot4_small(some[n][v], x, codes[(4 * half + g) * N + n]); });
            });
          each([&](auto n, auto v) { dots[n][v] = dots[n][v] + V::block_sum(some[n][v]); });
        }
        if constexpr (two_scales) {
          add(half, [&](int n) { return half() == 0 ? first_half[n] : minus_eight[n] - first_half[n]; });
          each([&](auto n, auto v) { dots[n][v] = V::splat(0); });
        }
      });
    }
    if constexpr (!two_scales) add(0, [&](int n) { return minus_eight[n]; });
    if constexpr (layout::minimum_bytes > 0)
      each_constant<vectors>([&](auto v) {
        typename V::f const minimum = block[v].minimum();
        each_constant<N>([&](auto n) { sum[n][v] = V::fma(minimum, V::splat(weighted[n]), sum[n][v]); });
      });
  }
  each_constant<N>([&](auto n) {
    each_constant<vectors>([&](auto v) { V::store(to + n * row_stride + v * V::width, sum[n][v]); });
  });
}

}  // namespace detail

/// Rows that share a pass over the weights: their sums, those in int8 twice, fit the registers beside two vectors of weights.
template <class V> constexpr int most_together(bool int8) { return int8 ? 4 : V::width == 16 ? 8 : 6; }

/// Tiles of a pass in int8: one stream of memory for one row; for more, as many as share the loads of activations.
template <class V, int N> constexpr int tiles_together() { return N > 1 && V::width == tile_rows ? 2 : 1; }

/// Adds the products of N rows of a panel with lanes [lane, lane + L) of a run of tiles to `to` [N][row_stride], inputs
/// [begin, end).
template <dtype T, bool Int8, class V, int L, int N>
KOKKOS_FORCEINLINE_FUNCTION void dot(tile_run const& w, int lane, panel_group const& p, int begin, int end, float* to,
                                     int row_stride) {
  constexpr int tiles = tiles_together<V, N>();
  if constexpr (Int8 && L > tiles * tile_rows)
    for (int t = 0; t < L / tile_rows; t += tiles)
      detail::dot_int8<T, V, tiles * tile_rows, N>({w.first + std::size_t(t) * w.stride, w.stride}, 0, p.int8, begin,
                                                   end, to + t * tile_rows, row_stride);
  else if constexpr (Int8) detail::dot_int8<T, V, L, N>(w, lane, p.int8, begin, end, to, row_stride);
  else detail::dot_floats<T, V, L, N>(w, lane, p.floats, begin, end, to, row_stride);
}

}  // namespace cria::kernel
