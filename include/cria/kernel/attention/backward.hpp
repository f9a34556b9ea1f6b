#pragma once
// The gradients of attention over whole sequences to q, k and v (Dao et al. 2022, arXiv 2205.14135, algorithm 4):
// probabilities again from q, k and the log of their sum, page by page. A piece is one kv head of one sequence and sums
// in a fixed order.
#include "cria/kernel/attention/tiles.hpp"

namespace cria::kernel {

template <class P, int G> struct attention_back_kernel : evaluate<P, G>, one_phase {
  using base = evaluate<P, G>;
  using base::at, base::c;
  static constexpr node n = at(plan_of<P>.groups[G].nodes[0]);
  using tiles = attention_tiles<n.size>;
  enum : int { size = n.size, group_heads = n.count / n.kv_count, rows = tiles::rows, padded = tiles::padded };

  /// The node that is the gradient to operand `part`, or -1 where it is not wanted.
  static constexpr int to(int part) {
    for (int k = 0; k < plan_of<P>.groups[G].count; ++k)
      if (at(plan_of<P>.groups[G].nodes[k]).part == part) return plan_of<P>.groups[G].nodes[k];
    return -1;
  }
  static constexpr int dq = to(0), dk = to(1), dv = to(2);

  int pieces(int) const { return c.sequences * n.kv_count; }
  KOKKOS_INLINE_FUNCTION std::size_t scratch_floats() const { return 8 * tiles::page_floats + 2 * tiles::square + 2 * rows; }

  template <class Team> KOKKOS_INLINE_FUNCTION void work(Team const& t, int, int piece, float* scratch) const {
    int const kv = piece % n.kv_count, begin = c.begins[piece / n.kv_count], count = c.begins[piece / n.kv_count + 1] - begin;
    memory const m(scratch);
    for (int j = 0; j * rows < count; ++j) {
      int const first = begin + j * rows, some = Kokkos::min(int(rows), count - j * rows);
      tiles::load(t, some, [&](int r, int d) { return base::template load<n.in[2]>(first + r, kv * size + d); }, m.keys);
      tiles::turn(t, m.keys, m.values_turned);
      tiles::load(t, some, [&](int r, int d) { return base::template load<n.in[1]>(first + r, kv * size + d); }, m.keys);
      tiles::turn(t, m.keys, m.keys_turned);
      tiles::clear(t, 2 * tiles::page_floats, m.dk);
      for (int i = j; i * rows < count && tiles::first_page(i, n.window) <= j; ++i)
        for (int head = kv * group_heads; head < (kv + 1) * group_heads; ++head) add(t, m, begin, count, i, j, head);
      if constexpr (dk >= 0)
        tiles::store(t, some, m.dk,
                     [&](int r, float(&row)[size]) { base::template store_lanes<dk>(first + r, kv * size, row); });
      if constexpr (dv >= 0)
        tiles::store(t, some, m.dv,
                     [&](int r, float(&row)[size]) { base::template store_lanes<dv>(first + r, kv * size, row); });
    }
  }

 private:
  struct memory {
    float *keys, *keys_turned, *values_turned, *q, *dy, *dq, *dk, *dv, *p, *ds, *lse, *mean;
    KOKKOS_INLINE_FUNCTION explicit memory(float* at) {
      for (float** page : {&keys, &keys_turned, &values_turned, &q, &dy, &dq, &dk, &dv}) *page = at, at += tiles::page_floats;
      p = at, ds = p + tiles::square, lse = ds + tiles::square, mean = lse + rows;
    }
  };

  /// What page i of the queries of a head adds to the gradients of page j of keys and values, and gets from it.
  template <class Team>
  KOKKOS_INLINE_FUNCTION void add(Team const& t, memory const& m, int begin, int count, int i, int j, int head) const {
    int const first = begin + i * rows, some = Kokkos::min(int(rows), count - i * rows);
    bool const diagonal = i == j;
    float const scale = 1 / Kokkos::sqrt(float(size));
    tiles::load(t, some, [&](int r, int d) { return base::template load<n.in[0]>(first + r, head * size + d); }, m.q);
    tiles::load(t, some, [&](int r, int d) { return base::template load<n.in[3]>(first + r, head * size + d); }, m.dy);
    t.each(some, [&](int r) {
      float sum = 0;
      for (int d = 0; d < size; ++d)
        sum = Kokkos::fma(m.dy[r * padded + d], base::template load<n.in[4]>(first + r, head * size + d), sum);
      m.mean[r] = sum, m.lse[r] = base::template load<n.in[5]>(first + r, head);
    });
    tiles::clear(t, 2 * tiles::square, m.p);
    auto const columns = diagonal ? tiles::shape::columns_to_row : tiles::shape::full;
    tiles::template multiply<rows>(t, columns, m.q, 1, padded, m.keys_turned, size, m.p);
    tiles::template multiply<rows>(t, columns, m.dy, 1, padded, m.values_turned, size, m.ds);
    t.each(rows, [&](int r) {
      using V = typename Team::lanes;
      float *const p = m.p + r * rows, *const ds = m.ds + r * rows;
      int const seen = r >= some ? 0 : diagonal ? r + 1 : int(rows);
      int const hidden = n.window > 0 ? Kokkos::min(tiles::first_seen(i, r, j, n.window), int(rows)) : 0;
      for (int l = 0; l < seen; l += V::width) {
        typename V::f const x = exp_of<V>(V::fma(V::load(p + l), V::splat(scale), V::splat(-m.lse[r])));
        V::store(p + l, x), V::store(ds + l, x * (V::load(ds + l) - V::splat(m.mean[r])) * V::splat(scale));
      }
      for (int l = seen; l < rows; ++l) p[l] = 0, ds[l] = 0;
      if (n.window > 0)
        for (int l = 0; l < hidden; ++l) p[l] = 0, ds[l] = 0;
    });
    t.barrier();
    auto const from_row = diagonal ? tiles::shape::inputs_from_row : tiles::shape::full;
    if constexpr (dv >= 0) tiles::template multiply<padded>(t, from_row, m.p, rows, 1, m.dy, some, m.dv);
    if constexpr (dk >= 0) tiles::template multiply<padded>(t, from_row, m.ds, rows, 1, m.q, some, m.dk);
    if constexpr (dq >= 0) {
      if (j == tiles::first_page(i, n.window)) tiles::clear(t, tiles::page_floats, m.dq);
      else tiles::load(t, some, [&](int r, int d) { return base::template load<dq>(first + r, head * size + d); }, m.dq);
      tiles::template multiply<padded>(t, diagonal ? tiles::shape::inputs_to_row : tiles::shape::full, m.ds, 1, rows,
                                       m.keys, rows, m.dq);
      tiles::store(t, some, m.dq, [&](int r, float(&row)[size]) { base::template store_lanes<dq>(first + r, head * size, row); });
    }
  }
};

}  // namespace cria::kernel
