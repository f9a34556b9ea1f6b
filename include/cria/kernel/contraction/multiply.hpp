#pragma once
// A host's block of rows against 32 columns of the right operand. Nothing here knows of programs: kernels whose weights have
// the same format share this code.
#include "cria/kernel/contraction/dot.hpp"

namespace cria::kernel {

/// Rows [first, first + count) of a panel, and inputs [begin, end).
struct row_range {
  int first, count, begin, end;
};

/// Adds the products with tiles `tile` and `tile + 1` of packed weights to the sums [row][32]. Odd: the number of tiles, so
/// that the last one may be alone.
template <dtype T, bool Int8, bool Odd, int Many>
[[gnu::noinline]] KOKKOS_FUNCTION void multiply_tiles(panel_rows<Many> const& p, row_range const& range, std::byte const* weights,
                                                      int tiles, int tile, float* sums) {
  std::size_t const bytes = tile_bytes(T, p.depth);
  tile_run const run{weights + std::size_t(tile) * bytes, bytes};
  auto const [first, count, begin, end] = range;
  for (int r = first; r < first + count;)
    r = p.with_group(r, p.count, [&, first = first, begin = begin, end = end](int row, auto n) {
      float* const to = sums + (row - first) * 32;
      panel_group const group = p.group(row, begin);
      if constexpr (Odd)
        if (tile + 1 == tiles) return dot<T, Int8, host_lanes, tile_rows, n()>(run, 0, group, begin, end, to, 32);
      dot<T, Int8, host_lanes, 32, n()>(run, 0, group, begin, end, to, 32);
    });
}

/// The same with a copy of the right operand as f32, two tiles of [input - begin][16], `stride` floats apart.
template <int Many>
[[gnu::noinline]] KOKKOS_FUNCTION void multiply_copy(panel_rows<Many> const& p, row_range const& range, float const* right,
                                                     int stride, float* sums) {
  tile_run const run{reinterpret_cast<std::byte const*>(right), std::size_t(stride) * sizeof(float)};
  for (int r = range.first; r < range.first + range.count;)
    r = p.with_group(r, p.count, [&](int row, auto n) {
      panel_group const group{p.group(row, range.begin).floats + std::size_t(range.begin) * n(), {}};
      dot<dtype::f32, false, host_lanes, 32, n()>(run, 0, group, 0, range.end - range.begin, sums + (row - range.first) * 32, 32);
    });
}

}  // namespace cria::kernel
