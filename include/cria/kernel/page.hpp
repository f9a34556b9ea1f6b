#pragma once
// Pages of the kv cache: 64 positions of one kv head, the unit in which attention sums and memory is given out.
//   keys    [4 tiles][size][16 positions]: lanes run along positions, so that a score needs no sum across a vector;
//           q8_0: [4 tiles][block of 32][16 scales, then 8 groups of [16 positions][4 bytes]], as weights are packed
//   values  [64 positions][size]: lanes run along the size; q8_0: [64][block of 32][scale, 32 bytes]
#include "cria/kernel/contraction/dot.hpp"
#include "cria/kernel/math.hpp"

namespace cria::kernel {

inline constexpr int page_positions = 64;

/// Bytes of a page of keys, or of values, of heads of `size`.
constexpr std::size_t page_bytes(dtype t, int size) { return bytes_of(t, std::size_t(size)) * page_positions; }

namespace detail {

/// The scores of Q queries [Q][stride] with L positions from `position` on: one chain over the size for each. Meanwhile asks
/// for the memory of a page that is wanted soon, if there is one.
template <dtype T, class V, int Size, int L, int Q>
KOKKOS_FUNCTION void scores(std::byte const* keys, int position, float const* q, int q_stride, float* p, int p_stride,
                            [[maybe_unused]] std::byte const* soon) {
  constexpr int vectors = L / V::width;
  typename V::f s[Q][vectors];
  each_constant<Q>([&](auto n) { each_constant<vectors>([&](auto v) { s[n][v] = V::splat(0.0f); }); });
  std::byte const* tile[vectors];
  each_constant<vectors>([&](auto v) {
    tile[v] = keys + std::size_t((position + v * V::width) / tile_rows) * bytes_of(T, Size) * tile_rows;
  });
  int const row = position % tile_rows;
  auto const add = [&](auto v, int d, typename V::f const& key) {
    each_constant<Q>([&](auto n) { s[n][v] = V::fma(key, V::splat(q[n * q_stride + d]), s[n][v]); });
  };
  if constexpr (format<T>::quantised) {
    for (int b = 0; b < Size / 32; ++b)
      for (int g = 0; g < 8; ++g)
        each_constant<vectors>([&](auto v) {
          tile_block<T, V> const block(tile[v], b, row_of<V>(row, v));
          block.decode(g / 4, g % 4, block.scale(0), V::splat(0.0f),
                       [&](int j, typename V::f const& key) { add(v, b * 32 + 4 * g + j, key); });
        });
  } else {
    for (int d = 0; d < Size; ++d) {
      if (soon != nullptr)
        for (int line = 0; line < format<T>::bytes; ++line) V::prefetch(soon + (d * format<T>::bytes + line) * 64);
      each_constant<vectors>([&](auto v) {
        add(v, d, load_floats<T, V>(tile[v] + std::size_t(d) * format<T>::bytes * tile_rows, row_of<V>(row, v)));
      });
    }
  }
  each_constant<Q>([&](auto n) { each_constant<vectors>([&](auto v) { V::store(p + n * p_stride + v * V::width, s[n][v]); }); });
}

/// Elements d .. d + width of the value of a position, as f32.
template <dtype T, class V, int Size>
KOKKOS_FORCEINLINE_FUNCTION typename V::f load_value(std::byte const* values, int position, int d) {
  std::byte const* const row = values + std::size_t(position) * bytes_of(T, Size);
  if constexpr (format<T>::quantised) {
    std::byte const* const block = row + d / 32 * format<T>::bytes;
    return V::splat(f16_to_f32(load<std::uint16_t>(block))) *
           V::to_float(V::load_bytes(reinterpret_cast<std::int8_t const*>(block + 2) + d % 32));
  } else {
    return load_floats<T, V>(row, d);
  }
}

/// The sums [Q][stride] of values weighed by p [Q][p_stride], elements d .. d + L, positions in order; row n has those
/// below count[n], with a window from begin[n] on. Meanwhile asks for a page that is wanted soon, if there is one.
template <dtype T, class V, int Size, int L, int Q, bool Window>
KOKKOS_FUNCTION void mix(std::byte const* values, int d, float const* p, int p_stride,
                         [[maybe_unused]] int const* begin, int const* count, float* to, int stride,
                         [[maybe_unused]] std::byte const* soon) {
  constexpr int vectors = L / V::width;
  typename V::f s[Q][vectors];
  each_constant<Q>([&](auto n) { each_constant<vectors>([&](auto v) { s[n][v] = V::splat(0.0f); }); });
  int common = page_positions, most = 0;
  for (int n = 0; n < Q; ++n) common = Kokkos::min(common, count[n]), most = Kokkos::max(most, count[n]);
  int k = Window ? int(page_positions) : 0;
  if constexpr (Window)
    for (int n = 0; n < Q; ++n) k = Kokkos::min(k, begin[n]);
  auto const edge = [&](int end) {  // a row never sees what comes after it, nor what is before its window, not even times zero
    for (; k < end; ++k)
      each_constant<Q>([&](auto n) {
        if (k < count[n] && (!Window || k >= begin[n]))
          each_constant<vectors>([&](auto v) {
            s[n][v] =
                V::fma(V::splat(p[n * p_stride + k]), load_value<T, V, Size>(values, k, d + v * V::width), s[n][v]);
          });
      });
  };
  if constexpr (Window) {
    int all = 0;
    for (int n = 0; n < Q; ++n) all = Kokkos::max(all, begin[n]);
    edge(Kokkos::min(all, most));
  }
  constexpr int ahead_bytes = int(bytes_of(T, L));  // of each position: over all columns that makes a page
  for (; k < common; ++k) {
    if (ahead_bytes >= 64 && soon != nullptr)
      for (int line = 0; line < ahead_bytes; line += 64) V::prefetch(soon + (d / L * page_positions + k) * ahead_bytes + line);
    each_constant<vectors>([&](auto v) {
      typename V::f const x = load_value<T, V, Size>(values, k, d + v * V::width);
      each_constant<Q>([&](auto n) { s[n][v] = V::fma(V::splat(p[n * p_stride + k]), x, s[n][v]); });
    });
  }
  edge(most);
  each_constant<Q>(
      [&](auto n) { each_constant<vectors>([&](auto v) { V::store(to + n * stride + d + v * V::width, s[n][v]); }); });
}

/// The scores of a page become e^(score * scale - the largest of them), zero outside [begin, end); the largest and the total
/// go to record[0] and record[1]. In 16 lanes, folded in a fixed order.
template <class V> KOKKOS_FUNCTION void weigh(float* p, int begin, int end, float scale, float* record) {
  constexpr int vectors = 16 / V::width;
  for (int i = 0; i < begin; ++i) p[i] = -3.0e38f;
  for (int i = end; i < page_positions; ++i) p[i] = -3.0e38f;
  typename V::f lane[vectors];
  for (int v = 0; v < vectors; ++v) {
    lane[v] = V::splat(-3.0e38f);
    for (int i = v * V::width; i < page_positions; i += 16) lane[v] = larger{}(V::load(p + i) * V::splat(scale), lane[v]);
  }
  float const highest = fold<V>(lane, larger{});
  for (int v = 0; v < vectors; ++v) {
    lane[v] = V::splat(0.0f);
    for (int i = v * V::width; i < page_positions; i += 16) {
      typename V::f const x = exp_of<V>(V::load(p + i) * V::splat(scale) - V::splat(highest));
      V::store(p + i, x);
      lane[v] = lane[v] + x;
    }
  }
  record[0] = highest, record[1] = fold<V>(lane, plus{});
}

/// Adds the sums of a later page: `size` of them, and at `padded` the largest score and the total.
template <class Team> KOKKOS_FUNCTION void merge_sums(Team const& t, float* sums, float const* page, int size, int padded) {
  float const highest = Kokkos::max(sums[padded], page[padded]);
  float const old = exp(sums[padded] - highest), added = exp(page[padded] - highest);
  t.barrier();
  t.each(size, [&](int d) { sums[d] = Kokkos::fma(sums[d], old, page[d] * added); });
  t.each(1, [&](int) {
    sums[padded] = highest, sums[padded + 1] = Kokkos::fma(sums[padded + 1], old, page[padded + 1] * added);
  });
  t.barrier();
}

/// The widest lanes, up to V's, that divide heads of `Size`.
#if defined(__CUDACC__) || defined(__HIPCC__)
template <class V, int Size> struct lanes_along { using type = scalar_lane; };
#else
template <class V, int Size> struct lanes_along {
  static constexpr int width = V::width == 16 && Size % 16 == 0 ? 16
                               : V::width >= 8 && Size % 8 == 0 ? 8
                               : V::width >= 4 && Size % 4 == 0 ? 4
                                                                : 1;
  using type = std::conditional_t<width == 1, scalar_lane, vector_lanes<width == 1 ? 4 : width>>;
};
#endif

/// Lanes of which Q sums fit the registers, a divisor of `all`.
template <class V, int Q> constexpr int lanes_that_fit(int all) {
  int const vectors = V::width == 16 ? 16 : 8;
  int lanes = V::width;
  while (lanes * 2 <= all && all % (lanes * 2) == 0 && lanes * 2 / V::width * Q <= vectors) lanes *= 2;
  return lanes;
}

}  // namespace detail

/// Puts elements d .. d + L - 1 of a position in a page of 16- or 32-bit floats.
template <dtype T, int Size, bool Keys, int L>
KOKKOS_FORCEINLINE_FUNCTION void store_floats(std::byte* page, int position, int d, float const (&x)[L]) {
  using stored = std::conditional_t<T == dtype::f32, float, std::uint16_t>;
  stored rounded[L];
  if constexpr (T == dtype::f16 && L % host_lanes::width == 0)
    for (int l = 0; l < L; l += host_lanes::width) host_lanes::store_f16(rounded + l, host_lanes::load(x + l));
  else
    for (int l = 0; l < L; ++l)
      if constexpr (T == dtype::f32) rounded[l] = x[l];
      else rounded[l] = T == dtype::f16 ? f32_to_f16(x[l]) : f32_to_bf16(x[l]);
  stored* const to =
      reinterpret_cast<stored*>(page) +
      (Keys ? std::size_t(position / tile_rows * Size + d) * tile_rows + std::size_t(position % tile_rows)
            : std::size_t(position) * Size + std::size_t(d));
  for (int l = 0; l < L; ++l) to[Keys ? l * tile_rows : l] = rounded[l];
}

/// Puts elements d .. d + 31 of a position in a page of q8_0 blocks, rounded as activations are.
template <int Size, bool Keys>
KOKKOS_INLINE_FUNCTION void store_block(std::byte* page, int position, int d, float const (&x)[32]) {
  std::int32_t words[8], minus_eight, first_half;
  float scale, weighted;
  quantise_block<host_lanes>(x, {words, &scale, &minus_eight, &weighted, &first_half}, 0, 0, 1);
  std::uint16_t const half = f32_to_f16(scale);
  constexpr int bytes = format<dtype::q8_0>::bytes;
  if constexpr (Keys) {
    std::byte* const block = page + std::size_t(position / tile_rows * (Size / 32) + d / 32) * bytes * tile_rows;
    int const row = position % tile_rows;
    std::memcpy(block + row * 2, &half, 2);
    for (int g = 0; g < 8; ++g) std::memcpy(block + 2 * tile_rows + (g * tile_rows + row) * 4, &words[g], 4);
  } else {
    std::byte* const block = page + std::size_t(position * (Size / 32) + d / 32) * bytes;
    std::memcpy(block, &half, 2);
    std::memcpy(block + 2, words, 32);
  }
}

}  // namespace cria::kernel
