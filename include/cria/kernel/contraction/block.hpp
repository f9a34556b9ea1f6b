#pragma once
// A block of 32 inputs of a packed tile, as lanes of output rows see it: codes four inputs at a time, scales and
// minimum as f32. What is particular to a format is here and in pack.hpp; everything above knows blocks only.
#include "cria/kernel/contraction/pack.hpp"
#include "cria/kernel/lanes.hpp"

namespace cria::kernel {

namespace detail {

/// f(0), f(1), ... f(N - 1) with numbers that are constants, so that arrays of vectors stay in registers.
template <class F, int... I> KOKKOS_FORCEINLINE_FUNCTION void each_constant(F const& f, std::integer_sequence<int, I...>) {
  (f(std::integral_constant<int, I>{}), ...);
}
template <int N, class F> KOKKOS_FORCEINLINE_FUNCTION void each_constant(F const& f) {
  each_constant(f, std::make_integer_sequence<int, N>{});
}

}  // namespace detail

template <dtype T, class V> struct tile_block {
  using layout = block_layout<T>;
  using f = typename V::f;
  using i = typename V::i;
  static constexpr int subs = format<T>::block / 32, bytes = layout::sub_bytes * tile_rows;

  std::byte const *head, *first;  // of the file's block; of the codes of these 32 inputs
  int sub, row;

  /// Block `b` of a tile, rows from `row` on.
  KOKKOS_FORCEINLINE_FUNCTION tile_block(std::byte const* tile, int b, int at_row)
      : head(tile + std::size_t(b / subs) * std::size_t(format<T>::bytes) * tile_rows),
        first(head + layout::head_bytes * tile_rows + b % subs * bytes), sub(b % subs), row(at_row) {}
  tile_block() = default;

  /// The scale of the first or last 16 inputs; mostly of all 32.
  KOKKOS_FORCEINLINE_FUNCTION f scale(int half) const {
    if constexpr (layout::scale_bytes == 4) return V::load(reinterpret_cast<float const*>(head) + row);
    else {
      f const scale = half_floats(0);
      if constexpr (T == dtype::q6_k) return scale * V::to_float(small(sub * 2 + half));
      else if constexpr (layout::small > 0)
        return scale * V::to_float(sub < 4 ? small(sub) & 63 : (small(4 + sub) & 15) | (small(sub - 4) >> 2 & 48));
      else return scale;
    }
  }
  KOKKOS_FORCEINLINE_FUNCTION f minimum() const {
    f const minimum = half_floats(layout::scale_bytes);
    if constexpr (layout::small == 0) return minimum;
    else return -(minimum * V::to_float(sub < 4 ? small(4 + sub) & 63 : (small(4 + sub) >> 4 & 15) | (small(sub) >> 2 & 48)));
  }

  /// Word `g` of the block: codes of 8 bits, or nibbles, low ones of inputs 4g .. 4g + 3 and high ones of 16 + 4g ..
  KOKKOS_FORCEINLINE_FUNCTION i word(int g) const { return words(layout::high_bits + g); }
  /// Codes of inputs 16 half + 4g .. + 3 in the bytes of a word, from the word of nibbles that holds them.
  KOKKOS_FORCEINLINE_FUNCTION i codes(i nibbles, int half, int g) const {
    i const low = half == 0 ? V::low_nibbles(nibbles) : V::high_nibbles(nibbles);
    if constexpr (layout::high_bits == 0) return low;
    else if constexpr (layout::high_bits == 1) return low | (words(0) >> (4 * half + g) & 0x01010101) << 4;
    else return low | (words(half) >> (2 * g) & 0x03030303) << 4;
  }
  KOKKOS_FORCEINLINE_FUNCTION i codes(int half, int g) const {
    if constexpr (layout::bits == 8) return word(4 * half + g);
    else return codes(word(g), half, g);
  }

  /// Calls use(j, weights) for inputs 4g + j as f32, scaled by `by`.
  template <class F>
  KOKKOS_FORCEINLINE_FUNCTION void decode(int half, int g, f const& by, [[maybe_unused]] f const& least, F const& use) const {
    i const four = codes(half, g);
    detail::each_constant<4>([&](auto j) {
      f weight = by * V::to_float(V::byte(four, j) - layout::offset);
      if constexpr (layout::minimum_bytes > 0) weight = weight + least;
      use(j, weight);
    });
  }
  /// Calls use(input, weights) for the 32 inputs in order.
  template <class F> KOKKOS_FORCEINLINE_FUNCTION void decode(F const& use) const {
    f least = V::splat(0.0f);
    if constexpr (layout::minimum_bytes > 0) least = minimum();
    detail::each_constant<2>([&](auto half) {
      f const by = scale(half);
      for (int g = 0; g < 4; ++g) decode(half, g, by, least, [&](int j, f const& weight) { use(16 * half + 4 * g + j, weight); });
    });
  }

 private:
  KOKKOS_FORCEINLINE_FUNCTION f half_floats(int at) const {
    return V::load_f16(reinterpret_cast<std::uint16_t const*>(head + at * tile_rows) + row);
  }
  KOKKOS_FORCEINLINE_FUNCTION i small(int k) const {
    return V::load_bytes(reinterpret_cast<std::int8_t const*>(
        head + (layout::scale_bytes + layout::minimum_bytes + k) * tile_rows + row));
  }
  KOKKOS_FORCEINLINE_FUNCTION i words(int k) const {
    return V::load_words(reinterpret_cast<std::int32_t const*>(first) + k * tile_rows + row);
  }
};

/// Element (row, col) of a packed matrix, as f32. For what reads a few elements: embeddings, and the portable backward.
template <dtype T> KOKKOS_INLINE_FUNCTION float element(std::byte const* packed, int row, int col, int cols) {
  std::byte const* const tile = packed + std::size_t(row / tile_rows) * tile_bytes(T, cols);
  int const r = row % tile_rows;
  [[maybe_unused]] std::size_t const at = std::size_t(col) * tile_rows + std::size_t(r);
  if constexpr (T == dtype::f32) return load<float>(tile + at * 4);
  else if constexpr (T == dtype::f16) return f16_to_f32(load<std::uint16_t>(tile + at * 2));
  else if constexpr (T == dtype::bf16) return bf16_to_f32(load<std::uint16_t>(tile + at * 2));
  else {
    using layout = block_layout<T>;
    tile_block<T, scalar_lane> const block(tile, col / 32, r);
    int const half = col % 32 / 16, code = scalar_lane::byte(block.codes(half, col % 16 / 4), col % 4) - layout::offset;
    float const value = block.scale(half) * float(code);
    if constexpr (layout::minimum_bytes == 0) return value;
    else return value + block.minimum();
  }
}

}  // namespace cria::kernel
