#pragma once
// What attention over whole sequences is made of: pages of 64 rows of one head, [64][size filled up to 16] with zeros
// past the end, and products of them. A chain of multiply-adds for each element, in the order of k.
#include "cria/kernel/evaluate.hpp"
#include "cria/kernel/team.hpp"

namespace cria::kernel {

namespace detail {

/// to[n][l] += sum over k of a[k a_k + n a_n] * b[k b_k + l], k in [begin, end), n < N, l < L.
template <class V, int L, int N>
KOKKOS_FUNCTION void multiply_tile(float const* a, int a_k, int a_n, float const* b, int b_k, int begin, int end,
                                   float* to, int to_n) {
  constexpr int vectors = L / V::width;
  typename V::f sum[N][vectors];
  each_constant<N>([&](auto n) { each_constant<vectors>([&](auto v) { sum[n][v] = V::load(to + n * to_n + v * V::width); }); });
  for (int k = begin; k < end; ++k) {
    typename V::f x[vectors];
    each_constant<vectors>([&](auto v) { x[v] = V::load(b + k * b_k + v * V::width); });
    each_constant<N>([&](auto n) {
      each_constant<vectors>([&](auto v) { sum[n][v] = V::fma(x[v], V::splat(a[k * a_k + n * a_n]), sum[n][v]); });
    });
  }
  each_constant<N>([&](auto n) { each_constant<vectors>([&](auto v) { V::store(to + n * to_n + v * V::width, sum[n][v]); }); });
}

}  // namespace detail

template <int Size> struct attention_tiles {
  enum : int { rows = 64, padded = (Size + 15) / 16 * 16, page_floats = rows * padded, square = rows * rows };

  /// Rows [0, count) of a page, each element by get(row, d).
  template <class Team, class Get>
  KOKKOS_INLINE_FUNCTION static void load(Team const& t, int count, Get const& get, float* page) {
    t.each(rows, [&](int r) {
      float row[padded] = {};  // a copy, so that what is written can't be what is read
      if (r < count)
        for (int d = 0; d < Size; ++d) row[d] = get(r, d);
      for (int d = 0; d < padded; ++d) page[r * padded + d] = row[d];
    });
    t.barrier();
  }
  /// Gives each of the first `count` rows of a page to put(row, values).
  template <class Team, class Put>
  KOKKOS_INLINE_FUNCTION static void store(Team const& t, int count, float const* page, Put const& put) {
    t.each(count, [&](int r) {
      float row[Size];
      for (int d = 0; d < Size; ++d) row[d] = page[r * padded + d];
      put(r, row);
    });
    t.barrier();
  }
  /// [64][padded] -> [padded][64]
  template <class Team> KOKKOS_INLINE_FUNCTION static void turn(Team const& t, float const* page, float* turned) {
    t.each(padded, [&](int d) {
      for (int r = 0; r < rows; ++r) turned[d * rows + r] = page[r * padded + d];
    });
    t.barrier();
  }
  template <class Team> KOKKOS_INLINE_FUNCTION static void clear(Team const& t, int n, float* to) {
    t.each(n, [&](int i) { to[i] = 0; });
    t.barrier();
  }

  /// With a window of so many positions (0: none) the first page of keys of which any row of a page of queries sees
  /// something, and the first column that row r of page i sees of page j.
  KOKKOS_INLINE_FUNCTION static constexpr int first_page(int i, int window) {
    return window > 0 && i * rows + 1 > window ? (i * rows + 1 - window) / rows : 0;
  }
  KOKKOS_INLINE_FUNCTION static constexpr int first_seen(int i, int r, int j, int window) {
    return window > 0 && (i - j) * rows + r + 1 > window ? (i - j) * rows + r + 1 - window : 0;
  }

  /// What a triangle leaves out of a product: of rows [first, last] the columns, or the inputs, that are not zero.
  enum class shape { full, columns_to_row, inputs_to_row, inputs_from_row };

  /// to[64][Columns] += a b: a[k a_k + n a_n], b [k][Columns], `inputs` of them.
  template <int Columns, class Team>
  KOKKOS_INLINE_FUNCTION static void multiply(Team const& t, shape s, float const* a, int a_k, int a_n, float const* b,
                                              int inputs, float* to) {
    if constexpr (Team::lanes_at_once > 2) {
      using V = typename Team::lanes;
      constexpr int N = V::width == 16 ? 8 : 4, L = V::width < 16 ? 16 : Columns % 48 == 0 ? 48 : Columns % 32 == 0 ? 32 : 16;
      for (int l = 0; l < Columns; l += L)
        for (int n = 0; n < rows; n += N) {
          if (s == shape::columns_to_row && l > n + N - 1) continue;
          int const begin = s == shape::inputs_from_row ? n : 0,
                    end = s == shape::inputs_to_row ? Kokkos::min(n + N, inputs) : inputs;
          detail::multiply_tile<V, L, N>(a + n * a_n, a_k, a_n, b + l, Columns, begin, end, to + n * Columns + l, Columns);
        }
    } else {
      t.each(rows * Columns, [&](int i) {
        int const n = i / Columns, l = i % Columns;
        if (s == shape::columns_to_row && l > n) return;
        int const begin = s == shape::inputs_from_row ? n : 0,
                  end = s == shape::inputs_to_row ? Kokkos::min(n + 1, inputs) : inputs;
        float sum = to[i];
        for (int k = begin; k < end; ++k) sum = Kokkos::fma(b[k * Columns + l], a[k * a_k + n * a_n], sum);
        to[i] = sum;
      });
    }
    t.barrier();
  }
};

}  // namespace cria::kernel
