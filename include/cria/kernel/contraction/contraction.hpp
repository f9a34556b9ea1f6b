#pragma once
// Contractions: row sums, the prologue once into a panel, dot, the epilogue on the tile of sums.
//
//   kind       panel [k][row]     against              k                    rows x columns of the result
//   matmul     x  [row, k]        packed w [col, k]    inputs               tokens x outputs
//   matmul_dx  dy [row, k]        packed w [k, col]    outputs              tokens x inputs
//   matmul_dw  dy [k, row]        x [k, col]           tokens               outputs x inputs
#include "cria/kernel/contraction/dot.hpp"
#include "cria/kernel/evaluate.hpp"
#include "cria/kernel/team.hpp"

namespace cria::kernel {

template <class P, int G> struct contraction : evaluate<P, G> {
  using base = evaluate<P, G>;
  using base::at, base::c;

  static constexpr group g = plan_of<P>.groups[G];
  static constexpr int left = at(g.nodes[0]).in[0], result_rows = at(g.nodes[0]).rows;
  static constexpr op kind = at(g.nodes[0]).kind;
  static constexpr segment_list segments = segments_of(plan_of<P>, G);
  static constexpr node_list sums_needed = base::row_sums();
  enum : int {  // not static constexpr: device code takes references to some of them
    block_rows = 32,                                  // rows of the result that share a panel
    many = host_lanes::width == 16 ? 8 : 4,           // rows that share a pass over a tile: their sums fit the registers
    segment_count = segments.count
  };

  static constexpr bool uses_int8(int id) {
    return P::policy::int8 && kind == op::matmul && facts(at(at(id).in[1]).type).block > 1;
  }
  static constexpr bool any_panel(bool as_int8) {
    for (int k = 0; k < g.count; ++k)
      if (at(g.nodes[k]).kind == kind && uses_int8(g.nodes[k]) == as_int8) return true;
    return false;
  }
  static constexpr bool floats = any_panel(false), int8 = any_panel(true);

  static constexpr int tiles_of(int s) { return (at(segments.at[s].outputs.at[0]).cols + tile_rows - 1) / tile_rows; }
  static constexpr int tiles_before(int s) {
    int n = 0;
    for (int i = 0; i < s; ++i) n += tiles_of(i);
    return n;
  }

  KOKKOS_INLINE_FUNCTION int depth() const { return kind == op::matmul_dw ? c.rows : at(left).cols; }
  KOKKOS_INLINE_FUNCTION int rows() const { return result_rows == per_token ? c.rows : result_rows; }
  KOKKOS_INLINE_FUNCTION int row_blocks() const { return (rows() + block_rows - 1) / block_rows; }
  KOKKOS_INLINE_FUNCTION int block_size() const { return Kokkos::min(rows(), int(block_rows)); }

  /// How many teams share a block of rows: each fills the panel for itself and takes its part of the tiles.
  int splits = 1;
  void divide(int threads, bool host) {
    int const tiles = tiles_before(segment_count);
    splits = !host ? (tiles + 15) / 16 : row_blocks() < 4 * threads ? Kokkos::min(threads, tiles) : 1;
  }
  int pieces() const { return row_blocks() * splits; }
  KOKKOS_INLINE_FUNCTION std::size_t scratch_floats() const {
    return std::size_t(sums_needed.count * block_rows) + panel_floats(floats, int8, block_size(), depth());
  }

  template <class Team> KOKKOS_INLINE_FUNCTION void work(Team const& t, int piece, float* scratch) const {
    int const row0 = piece / splits * block_rows, count = Kokkos::min(int(block_rows), rows() - row0);
    scope e{.row_sums = scratch, .rows = block_rows, .row0 = row0};
    fill_row_sums(t, e, scratch, count, std::make_integer_sequence<int, sums_needed.count>{});
    t.barrier();
    float* const panel = scratch + sums_needed.count * block_rows;
    int first = 0;
    for (; first + many <= count; first += many) fill<many>(t, e, panel, first);
    for (; first < count; ++first) fill<1>(t, e, panel, first);
    t.barrier();
    constexpr int parts = tile_rows / Team::lanes_at_once, total = tiles_before(segment_count);
    int const split = piece % splits, begin = int(std::int64_t(total) * split / splits), end = int(std::int64_t(total) * (split + 1) / splits);
    t.each((end - begin) * parts, [&](int i) {
      tile<Team>(e, panel, count, begin + i / parts, i % parts * Team::lanes_at_once, std::make_integer_sequence<int, segment_count>{});
    });
  }

 private:
  template <class Team, int... S>
  KOKKOS_INLINE_FUNCTION void fill_row_sums(Team const& t, scope const& e, [[maybe_unused]] float* to, [[maybe_unused]] int count, std::integer_sequence<int, S...>) const {
    (fill_row_sum<S>(t, e, to, count), ...);
  }
  template <int S, class Team> KOKKOS_INLINE_FUNCTION void fill_row_sum(Team const& t, scope const& e, float* to, int count) const {
    constexpr int in = at(sums_needed.at[S]).in[0], cols = at(in).cols;
    for (int r = 0; r < count; ++r) {
      float const total = t.sum(cols, [&](int k) { return base::template value<in>(e, e.row0 + r, k); });
      t.each(1, [&](int) { to[S * block_rows + r] = total; });
    }
    t.barrier();
  }

  /// Evaluates N rows from `first` on into the panel.
  template <int N, class Team> KOKKOS_INLINE_FUNCTION void fill(Team const& t, scope const& e, float* panel, int first) const {
    panel_group const p = group_at(panel, floats, int8, block_size(), depth(), first);
    for (int i = 0; i < N; ++i) {
      int const row = e.row0 + first + i;
      float sums[sums_needed.count + 1];  // a copy, which nothing that is written below can change
      for (int s = 0; s < sums_needed.count; ++s) sums[s] = e.row_sums[s * block_rows + first + i];
      scope const own{.row_sums = sums, .rows = 1, .row0 = row};
      auto const get = [&](int k) {
        if constexpr (kind == op::matmul_dw) return base::template value<left>(own, k, row);
        else return base::template value<left>(own, row, k);
      };
      if constexpr (int8) {
        t.each(depth() / 32, [&](int b) {
          float x[32];
          for (int k = 0; k < 32; ++k) x[k] = get(b * 32 + k);
          quantise_block(x, p.int8, b, i, N);
          if constexpr (floats)
            for (int k = 0; k < 32; ++k) p.floats[(b * 32 + k) * N + i] = x[k];
        });
      } else {
        t.each(depth(), [&](int k) { p.floats[std::size_t(k) * N + std::size_t(i)] = get(k); });
      }
    }
  }

  template <class Team, int... S>
  KOKKOS_INLINE_FUNCTION void tile(scope const& e, float* panel, int count, int index, int lane, std::integer_sequence<int, S...>) const {
    ((index >= tiles_before(S) && index < tiles_before(S + 1)
          ? tile_rows_of<Team, S>(e, panel, count, index - tiles_before(S), lane) : void()), ...);
  }

  template <class Team, int S>
  KOKKOS_INLINE_FUNCTION void tile_rows_of(scope const& e, float* panel, int count, int index, int lane) const {
    if (index * tile_rows + lane >= at(segments.at[S].outputs.at[0]).cols) return;  // lanes past the end
    int first = 0;
    for (; first + many <= count; first += many) compute<Team, S, many>(e, panel, first, index, lane);
    for (; first < count; ++first) compute<Team, S, 1>(e, panel, first, index, lane);
  }

  /// The sums of N rows against one tile, all contractions of the segment; then their epilogue.
  template <class Team, int S, int N>
  KOKKOS_INLINE_FUNCTION void compute(scope e, float* panel, int first, int index, int lane) const {
    constexpr int contractions = segments.at[S].contractions.count, L = Team::lanes_at_once;
    alignas(64) float tile[contractions][N][L];
    panel_group const p = group_at(panel, floats, int8, block_size(), depth(), first);
    contract<Team, S, N>(e, p, index, lane, tile, std::make_integer_sequence<int, contractions>{});
    e.tile = &tile[0][0][0], e.tile_rows = N, e.lanes = L;
    e.tile_row0 = e.row0 + first, e.col0 = index * tile_rows + lane;
    finish<Team, S, N>(e, std::make_integer_sequence<int, segments.at[S].outputs.count>{});
  }

  template <class Team, int S, int N, class Tile, int... I>
  KOKKOS_INLINE_FUNCTION void contract(scope const& e, panel_group const& p, int index, int lane, Tile& tile, std::integer_sequence<int, I...>) const {
    (contract_one<Team, segments.at[S].contractions.at[I], N>(e, p, index, lane, tile[I]), ...);
  }

  template <class Team, int C, int N, int L>
  KOKKOS_INLINE_FUNCTION void contract_one(scope const& e, panel_group const& p, int index, int lane, float (&tile)[N][L]) const {
    using V = typename Team::lanes;
    constexpr node n = at(C), right = at(n.in[1]);
    constexpr bool as_int8 = uses_int8(C);
    sums<V, L, N> s{};
    if constexpr (kind == op::matmul) {
      std::byte const* const w = base::template weight<n.in[1]>() + std::size_t(index) * tile_bytes(right.type, right.cols);
      dot<right.type, as_int8, V, L, N>(w, lane, p, right.cols, s);
    } else {
      int const col = index * tile_rows + lane;
      for (int k = 0; k < depth(); ++k) {
        float x[L];
        for (int l = 0; l < L; ++l) {
          int const at_col = Kokkos::min(col + l, n.cols - 1);  // lanes past the end are not stored
          if constexpr (kind == op::matmul_dx) x[l] = element<right.type>(base::template weight<n.in[1]>(), k, at_col, right.cols);
          else x[l] = base::template value<n.in[1]>(e, k, at_col);
        }
        for (int v = 0; v < L / V::width; ++v) {
          typename V::f const w = V::load(x + v * V::width);
          for (int i = 0; i < N; ++i) s.at[i][v] = V::fma(w, V::splat(p.floats[std::size_t(k) * N + std::size_t(i)]), s.at[i][v]);
        }
      }
    }
    for (int i = 0; i < N; ++i)
      for (int v = 0; v < L / V::width; ++v) V::store(&tile[i][v * V::width], s.at[i][v]);
  }

  template <class Team, int S, int N, int... O>
  KOKKOS_INLINE_FUNCTION void finish(scope const& e, std::integer_sequence<int, O...>) const {
    (finish_one<Team, segments.at[S].outputs.at[O], N>(e), ...);
  }
  template <class Team, int O, int N> KOKKOS_INLINE_FUNCTION void finish_one(scope const& e) const {
    constexpr int cols = at(O).cols, L = Team::lanes_at_once;
    for (int i = 0; i < N; ++i) {
      float x[L];
      for (int l = 0; l < L; ++l) x[l] = base::template value<O>(e, e.tile_row0 + i, Kokkos::min(e.col0 + l, cols - 1));
      for (int l = 0; l < L; ++l)
        if (e.col0 + l < cols) base::template store<O>(e.tile_row0 + i, e.col0 + l, x[l]);
    }
  }
};

}  // namespace cria::kernel
