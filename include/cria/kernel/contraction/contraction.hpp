#pragma once
// Contractions: row sums, the prologue once into a panel, dot, the epilogue on the sums.
//
//   kind       panel [k][row]     against              k                    rows x columns of the result
//   matmul     x  [row, k]        packed w [col, k]    inputs               tokens x outputs
//   matmul_dx  dy [row, k]        packed w [k, col]    outputs              tokens x inputs
//   matmul_dw  x  [k, row]        dy [k, col]          tokens               inputs x outputs, as packed weights lie
//
// Columns are taken in units of 32, two tiles. A host's worker makes the panel of few rows for itself; for many rows all
// workers fill one panel together, wait for each other, and share out blocks of rows and units. What is not f32 in tiles of
// columns in memory is made so for each unit and chunk of inputs, once for a block of rows.
#include "cria/kernel/contraction/fill.hpp"
#include "cria/kernel/contraction/multiply.hpp"
#include "cria/kernel/contraction/right.hpp"

namespace cria::kernel {

template <class P, int G> struct contraction : contraction_panel<P, G> {
  using panel = contraction_panel<P, G>;
  using base = evaluate<P, G>;
  using panel::at, panel::c, panel::kind, panel::floats, panel::int8, panel::uses_int8, panel::many, panel::terms,
      panel::chunk, panel::shared;
  using panel::depth, panel::rows, panel::panel_size, panel::parts, panel::rows_of, panel::view, panel::scope_of;
  using typename panel::panel_view;

  static constexpr segment_list segments = segments_of(plan_of<P>, G);
  static constexpr bool keeps_order = true;  // neighbouring pieces read the same weights: one worker takes them

  static constexpr bool has_floats(segment const& s) {
    for (int i = 0; i < s.contractions.count; ++i)
      if (!uses_int8(s.contractions.at[i])) return true;
    return false;
  }

  /// Columns of a result, as the kernel sees it.
  static constexpr int columns(int id) { return kind == op::matmul_dw ? at(id).rows : at(id).cols; }
  static constexpr int units_of(int s) { return (columns(segments.at[s].outputs.at[0]) + 31) / 32; }
  static constexpr int units_before(int s) {
    int n = 0;
    for (int i = 0; i < s; ++i) n += units_of(i);
    return n;
  }
  static constexpr int most_contractions() {
    int n = 0;
    for (int s = 0; s < segments.count; ++s) n = segments.at[s].contractions.count > n ? segments.at[s].contractions.count : n;
    return n;
  }
  enum : int {  // not static constexpr: device code takes references to some of them
    few = 4,    // rows at most whose panel each worker makes for itself
    own_block = 32,
    shared_block = (int8 ? 128 : 256) / many * many,  // rows of a piece
    together = int8 ? 1 : 4,  // units whose sums are at work at once: a chunk of the panel serves all of them
    expanding = 16,           // rows of a block that are worth a copy of the weights as f32
    segment_count = segments.count,
    unit_count = units_before(segments.count)
  };

  bool host = true;
  int block_rows = own_block, blocks = 1, ranges = 1;  // of rows; of units, for each block
  void divide(int threads, bool on_host) {
    host = on_host, shared = host && rows() > few;
    block_rows = shared ? int(shared_block) : int(own_block);
    blocks = (rows() + block_rows - 1) / block_rows;
    if (shared) block_rows = (rows() + blocks * many - 1) / (blocks * many) * many;  // blocks of about the same size
    if (shared) {
      ranges = (unit_count + 3) / 4;
      if (blocks % threads != 0) ranges = (ranges + threads - 1) / threads * threads;
      ranges = Kokkos::min(ranges, int(unit_count));
    } else {
      ranges = !host ? (unit_count + 7) / 8 : blocks < 4 * threads ? Kokkos::min(threads, int(unit_count)) : 1;
    }
  }
  int phases() const { return shared ? 2 : 1; }
  int pieces(int phase) const { return phase < phases() - 1 ? parts(rows()) : blocks * ranges; }

  /// Scratch of a worker: its own panel, the sums of two units, and a unit's right operand. A device's threads keep their sums to
  /// themselves and read the operand where it lies.
  KOKKOS_INLINE_FUNCTION std::size_t scratch_floats() const {
    std::size_t const own = shared ? 0 : panel_size(Kokkos::min(rows(), int(own_block)));
    return own + 16 + (host ? sum_floats() + 32 * chunk : 0);
  }
  KOKKOS_INLINE_FUNCTION std::size_t sum_floats() const {
    return std::size_t(most_contractions() * 32 * Kokkos::max(2, block_rows * (shared ? int(together) : 1)));
  }
  /// What all workers fill together.
  std::size_t shared_floats() const { return shared ? panel_size(rows()) : 0; }

  template <class Team> KOKKOS_INLINE_FUNCTION void work(Team const& t, int phase, int piece, float* scratch) const {
    bool const filling = shared && phase == 0;
    int const range = piece / blocks, row0 = filling ? 0 : piece % blocks * block_rows,
              count = Kokkos::min(block_rows, rows() - row0);
    panel_view const p = shared ? view(c.shared, 0, rows()) : view(scratch, row0, count);
    int const part = filling ? piece : 0, part_end = filling ? piece + 1 : shared ? 0 : parts(count);
    for (int i = part; i < part_end; ++i) panel::fill_part(t, p, i);
    if (filling) return;
    t.barrier();
    int const begin = int(std::int64_t(unit_count) * range / ranges), end = int(std::int64_t(unit_count) * (range + 1) / ranges);
    units(t, p, row0, count, begin, end, scratch + (shared ? 0 : (panel_size(count) + 15) / 16 * 16));
  }

 private:
  template <class Team>
  KOKKOS_INLINE_FUNCTION void units(Team const& t, panel_view const& p, int row0, int count, int begin, int end,
                                    float* sums) const {
    constexpr int callers = 32 / Team::lanes_at_once;
    if constexpr (callers == 1) {
      for (int u = begin; u < end;)
        u += host_unit(p, row0, count, u, end, sums, std::make_integer_sequence<int, segment_count>{});
    } else {
      t.each((end - begin) * callers, [&](int i) {
        device_lanes<Team>(p, row0, count, begin + i / callers, i % callers * Team::lanes_at_once,
                           std::make_integer_sequence<int, segment_count>{});
      });
    }
  }

  /// Unit `u` on a host, and those after it that are worked on at once: returns how many.
  template <int... S>
  KOKKOS_INLINE_FUNCTION int host_unit(panel_view const& p, int row0, int count, int u, int end, float* sums,
                                       std::integer_sequence<int, S...>) const {
    int done = 1;
    ((u >= units_before(S) && u < units_before(S + 1)
          ? void(done = host_unit_of<S>(p, row0, count, u - units_before(S), Kokkos::min(end, units_before(S + 1)) - u,
                                        sums))
          : void()),
     ...);
    return done;
  }
  template <int S>
  KOKKOS_INLINE_FUNCTION int host_unit_of(panel_view const& p, int row0, int count, int unit, int left_over,
                                          float* sums) const {
    constexpr int contractions = segments.at[S].contractions.count;
    constexpr bool wide = kind == op::matmul && has_floats(segments.at[S]) && !in_place<P>;
    bool const pair = wide && count == 1 && left_over > 1;  // the chains of one row's sums hide each other's latency
    int const first = row0 - p.row0, units = pair ? 2 : shared ? Kokkos::min(left_over, int(together)) : 1;
    std::size_t const stride = std::size_t(units * count * 32);
    float* const right = sums + sum_floats();
    for (std::size_t i = 0; i < std::size_t(contractions) * stride; ++i) sums[i] = 0;
    detail::each_constant<terms>([&](auto term) {
      int const all = depth(term());
      int const step = kind == op::matmul && count == 1 && !shared && !in_place<P>
                           ? all
                           : int(chunk);  // one row meets each weight once, so that no cache has to hold it
      for (int k = 0; k < all; k += step) {
        int const k_end = Kokkos::min(k + step, all);
        detail::each_constant<contractions>([&](auto i) {
          constexpr int C = segments.at[S].contractions.at[i()];
          float* const own = sums + std::size_t(i()) * stride;
          if constexpr (wide)
            if (pair) return contract<solo, C, term(), 64, 1>(p, first, unit * 32, k, k_end, own, 64);
          for (int u = 0; u < units; ++u)
            multiply<C, term()>(p, first, count, (unit + u) * 32, k, k_end, own + u * count * 32, right);
        });
      }
    });
    for (int u = 0; u < units; ++u) {
      scope e = scope_of(p);
      e.tile = sums + u * count * 32, e.tile_rows = units * count, e.lanes = 32, e.tile_row0 = row0, e.col0 = (unit + u) * 32;
      finish<32, S>(e, count, std::make_integer_sequence<int, segments.at[S].outputs.count>{});
    }
    return units;
  }

  /// Adds to the sums [row][32] of contraction C, inputs [begin, end) of a term.
  template <int C, int Term>
  KOKKOS_INLINE_FUNCTION void multiply(panel_view const& p, int first, int count, int col, int begin, int end,
                                       float* sums, float* right) const {
    row_range const range{first, count, begin, end};
    if constexpr (makes_right(C))
      if (kind != op::matmul || in_place<P> || count > expanding) {
        make_right<C, Term>(col, begin, end, right);
        return multiply_copy(rows_of(p, Term), range, right, chunk * tile_rows, sums);
      }
    if constexpr (kind == op::matmul && !in_place<P>)
      base::template with_weight<at(C).in[1]>([&](std::byte const* w, auto f) {
        multiply_tiles<decltype(f)::id, uses_int8(C), tiles_of(C) % 2 == 1>(rows_of(p, Term), range, w, tiles_of(C),
                                                                            col / tile_rows, sums);
      });
  }
  static constexpr int tiles_of(int id) { return (at(id).cols + tile_rows - 1) / tile_rows; }

  /// Whether a block of rows multiplies with a copy of the right operand.
  static constexpr bool makes_right(int id) {
    return kind != op::matmul || in_place<P> || (!uses_int8(id) && at(at(id).in[1]).type != layer_formats(dtype::f32));
  }

  template <int C, int Term> KOKKOS_INLINE_FUNCTION void make_right(int col, int begin, int end, float* to) const {
    constexpr int tile_floats = chunk * tile_rows;
    if constexpr (kind == op::matmul_dw) {
      using V = host_lanes;
      constexpr int cols = at(at(C).in[0]).cols;
      float const* const dy = base::template address<at(C).in[0]>();
      for (int k = begin; k < end; ++k)
        for (int t = 0; t < 2; ++t) {
          float* const out = to + t * tile_floats + (k - begin) * tile_rows;
          float const* const row = dy + std::size_t(k) * cols;
          int const from = col + t * tile_rows;
          if (from + tile_rows <= cols)
            for (int l = 0; l < tile_rows; l += V::width) V::store(out + l, V::load(row + from + l));
          else
            for (int l = 0; l < tile_rows; ++l) out[l] = row[Kokkos::min(from + l, cols - 1)];
        }
    } else {
      constexpr int rows_of_w = at(at(C).in[2 * Term + 1]).rows, cols_of_w = at(at(C).in[2 * Term + 1]).cols;
      if constexpr (in_place<P> && kind == op::matmul) {
        float const* const rows_of_weight = base::template array<at(C).in[1]>();
        for (int t = 0; t < 2; ++t)
          gather_tile<host_lanes>(rows_of_weight, base::template strides_of<at(C).in[1]>(), rows_of_w,
                                  col + t * tile_rows, begin, end, to + t * tile_floats);
      } else {
        base::template with_weight<at(C).in[2 * Term + 1]>([&](std::byte const* packed, auto f) {
          constexpr dtype T = decltype(f)::id;
          for (int t = 0; t < 2; ++t) {
            int const from = col + t * tile_rows;
            if constexpr (kind == op::matmul_dx)
              turn_tile<T, host_lanes>(packed, cols_of_w, from, begin, end, to + t * tile_floats);
            else if (from < rows_of_w)
              decode_tile<T, host_lanes>(packed, cols_of_w, from / tile_rows, begin, end, to + t * tile_floats);
          }
        });
      }
    }
  }

  template <class Team, int... S>
  KOKKOS_INLINE_FUNCTION void device_lanes(panel_view const& p, int row0, int count, int u, int lane,
                                           std::integer_sequence<int, S...>) const {
    ((u >= units_before(S) && u < units_before(S + 1)
          ? device_lanes_of<Team, S>(p, row0, count, (u - units_before(S)) * 32 + lane)
          : void()),
     ...);
  }
  template <class Team, int S>
  KOKKOS_INLINE_FUNCTION void device_lanes_of(panel_view const& p, int row0, int count, int col) const {
    constexpr int contractions = segments.at[S].contractions.count, L = Team::lanes_at_once;
    if (col >= columns(segments.at[S].outputs.at[0])) return;  // lanes past the end
    int const first = row0 - p.row0;
    for (int r = first; r < first + count;)
      r = panel_rows<many>::with_group(r, p.count, [&](int at_row, auto n) {
        float sums[contractions * n() * L] = {};
        detail::each_constant<terms>([&](auto term) {
          detail::each_constant<contractions>([&](auto i) {
            contract<Team, segments.at[S].contractions.at[i()], term(), L, n()>(p, at_row, col, 0, depth(term()),
                                                                                sums + i() * n() * L, L);
          });
        });
        scope e = scope_of(p);
        e.tile = sums, e.tile_rows = n(), e.lanes = L, e.tile_row0 = p.row0 + at_row, e.col0 = col;
        finish<L, S>(e, n(), std::make_integer_sequence<int, segments.at[S].outputs.count>{});
      });
  }

  /// Adds to the sums [row][row_stride] of N rows and L columns of contraction C, inputs [begin, end) of a term.
  template <class Team, int C, int Term, int L, int N>
  KOKKOS_INLINE_FUNCTION void contract(panel_view const& view_of_rows, int first, int col, int begin, int end,
                                       float* sums, int row_stride) const {
    using V = typename Team::lanes;
    panel_group const p = rows_of(view_of_rows, Term).group(first, begin);
    constexpr node n = at(C), right = at(n.in[2 * Term + 1]);
    constexpr int inputs = right.cols;
    if constexpr (kind == op::matmul && !in_place<P>) {
      constexpr int tiles = tiles_of(C);
      constexpr bool as_int8 = uses_int8(C);
      int const tile = col / tile_rows;
      base::template with_weight<n.in[1]>([&](std::byte const* w, auto f) {
        constexpr dtype T = decltype(f)::id;
        constexpr std::size_t bytes = tile_bytes(T, inputs);
        if (L <= tile_rows || tile + L / tile_rows <= tiles) {
          dot<T, as_int8, V, L, N>({w + std::size_t(tile) * bytes, bytes}, col % tile_rows, p, begin, end, sums, row_stride);
        } else if constexpr (L > tile_rows && tiles % 2 == 1) {  // the last unit has one tile
          for (int t = tile; t < tiles; ++t)
            dot<T, as_int8, V, tile_rows, N>({w + std::size_t(t) * bytes, 0}, 0, p, begin, end,
                                             sums + (t - tile) * tile_rows, row_stride);
        }
      });
    } else {
      for (int k = begin; k < end; ++k) {
        float x[L];
        for (int l = 0; l < L; ++l) {
          int const at_col = Kokkos::min(col + l, columns(C) - 1);  // lanes past the end are not stored
          if constexpr (kind == op::matmul) x[l] = base::template element_of<n.in[1]>(at_col, k);
          else if constexpr (kind == op::matmul_dx)
            base::template with_weight<n.in[2 * Term + 1]>(
                [&](std::byte const* w, auto f) { x[l] = element<decltype(f)::id>(w, k, at_col, inputs); });
          else x[l] = base::template load<n.in[0]>(k, at_col);
        }
        for (int i = 0; i < N; ++i)
          for (int l = 0; l < L; ++l)
            sums[i * row_stride + l] =
                Kokkos::fma(x[l], p.floats[std::size_t(k) * N + std::size_t(i)], sums[i * row_stride + l]);
      }
    }
  }

  template <int L, int S, int... O>
  KOKKOS_INLINE_FUNCTION void finish(scope const& e, int count, std::integer_sequence<int, O...>) const {
    for (int r = 0; r < count; ++r) (finish_one<L, segments.at[S].outputs.at[O]>(e, e.tile_row0 + r), ...);
  }
  template <int L, int O> KOKKOS_INLINE_FUNCTION void finish_one(scope const& e, int row) const {
    constexpr int cols = columns(O);
    float x[L];
    if (cols % L == 0 || e.col0 + L <= cols) {
      constexpr int step = at(O).kind == op::rope ? 2 : 1;  // the two that a rotation turns share their loads
      for (int l = 0; l < L; l += step) {
        x[l] = base::template value<O>(e, row, e.col0 + l);
        if (step == 2) x[l + 1] = base::template value<O>(e, row, e.col0 + l + 1);
      }
      base::template store_lanes<O>(row, e.col0, x);
    } else {
      for (int l = 0; e.col0 + l < cols; ++l) x[l] = base::template value<O>(e, row, Kokkos::min(e.col0 + l, cols - 1));
      for (int l = 0; e.col0 + l < cols; ++l) base::template store<O>(row, e.col0 + l, x[l]);
    }
  }
};

}  // namespace cria::kernel
