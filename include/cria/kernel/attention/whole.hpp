#pragma once
// Causal attention over whole sequences, as training has them: no cache, keys and values of the step in the workspace.
// With a running softmax (Dao et al. 2022, arXiv 2205.14135): [token, token] never exists. Stores the log of the sum of
// e^score of each row and head, from which the backward gets the probabilities again. A piece is one kv head of one
// sequence.
#include "cria/kernel/attention/tiles.hpp"

namespace cria::kernel {

template <class P, int G> struct whole_attention_kernel : evaluate<P, G>, one_phase {
  using base = evaluate<P, G>;
  using base::at, base::c;
  static constexpr int self = plan_of<P>.groups[G].nodes[0];
  static constexpr node n = at(self);
  static constexpr int lse = plan_of<P>.groups[G].count > 1 ? plan_of<P>.groups[G].nodes[1] : -1;
  using tiles = attention_tiles<n.size>;
  enum : int { size = n.size, group_heads = n.count / n.kv_count, rows = tiles::rows, padded = tiles::padded };

  int pieces(int) const { return c.sequences * n.kv_count; }
  KOKKOS_INLINE_FUNCTION std::size_t scratch_floats()
      const {  // turned keys, and values, of all pages; queries, sums, scores; top and total
    return std::size_t((c.reach + rows - 1) / rows) * 2 * tiles::page_floats + 2 * tiles::page_floats + tiles::square + 2 * rows;
  }

  template <class Team> KOKKOS_INLINE_FUNCTION void work(Team const& t, int, int piece, float* scratch) const {
    int const kv = piece % n.kv_count, begin = c.begins[piece / n.kv_count], count = c.begins[piece / n.kv_count + 1] - begin;
    int const pages = (count + rows - 1) / rows;
    float *const q = scratch, *const sums = q + tiles::page_floats, *const scores = sums + tiles::page_floats,
                 *const top = scores + tiles::square, *const total = top + rows, *const keys = total + rows,
                 *const values = keys + std::size_t(pages) * tiles::page_floats;
    for (int j = 0; j < pages; ++j) {
      int const first = begin + j * rows, some = Kokkos::min(int(rows), count - j * rows);
      tiles::load(t, some, [&](int r, int d) { return base::template load<n.in[1]>(first + r, kv * size + d); }, q);
      tiles::turn(t, q, keys + std::size_t(j) * tiles::page_floats);
      tiles::load(
          t, some, [&](int r, int d) { return base::template load<n.in[2]>(first + r, kv * size + d); },
          values + std::size_t(j) * tiles::page_floats);
    }
    for (int i = 0; i < pages; ++i)
      for (int head = kv * group_heads; head < (kv + 1) * group_heads; ++head) {
        int const first = begin + i * rows, some = Kokkos::min(int(rows), count - i * rows);
        float const scale = 1 / Kokkos::sqrt(float(size));
        tiles::load(t, some, [&](int r, int d) { return base::template load<n.in[0]>(first + r, head * size + d) * scale; }, q);
        tiles::clear(t, tiles::page_floats, sums);
        t.each(rows, [&](int r) { top[r] = -3.0e38f, total[r] = 0; });
        t.barrier();
        for (int j = tiles::first_page(i, n.window); j <= i; ++j) {
          bool const diagonal = i == j;
          tiles::clear(t, tiles::square, scores);
          tiles::template multiply<rows>(t, diagonal ? tiles::shape::columns_to_row : tiles::shape::full, q, 1, padded,
                                         keys + std::size_t(j) * tiles::page_floats, size, scores);
          t.each(some, [&](int r) {
            soften<typename Team::lanes>(scores + r * rows, tiles::first_seen(i, r, j, n.window),
                                         diagonal ? r + 1 : int(rows), top[r], total[r], sums + r * padded);
          });
          t.barrier();
          tiles::template multiply<padded>(t, diagonal ? tiles::shape::inputs_to_row : tiles::shape::full, scores, 1, rows,
                                           values + std::size_t(j) * tiles::page_floats, rows, sums);
        }
        tiles::store(t, some, sums, [&](int r, float(&row)[size]) {
          for (int d = 0; d < size; ++d) row[d] /= total[r];
          base::template store_lanes<self>(first + r, head * size, row);
          if constexpr (lse >= 0) base::template store<lse>(first + r, head, top[r] + Kokkos::log(total[r]));
        });
      }
  }

 private:
  /// Scores of a row become e^(score - largest so far), zero outside [begin, count); what was summed before is scaled
  /// down to that.
  template <class V>
  KOKKOS_INLINE_FUNCTION static void soften(float* p, [[maybe_unused]] int begin, int count, float& top, float& total,
                                            float* sums) {
    if constexpr (n.window > 0) {
      for (int l = 0; l < Kokkos::min(begin, int(rows)); ++l) p[l] = begin < count ? -3.0e38f : 0;
      if (begin >= count) return;  // all of p is zero
    }
    typename V::f most[1]{V::splat(top)};
    int l = 0;
    for (; l + V::width <= count; l += V::width) most[0] = larger{}(V::load(p + l), most[0]);
    float highest = fold<V>(most, larger{});
    for (; l < count; ++l) highest = larger{}(p[l], highest);
    float const old = exp(top - highest);
    if (old != 1)
      for (int d = 0; d < padded; ++d) sums[d] *= old;
    for (l = 0; l < count; l += V::width) V::store(p + l, exp_of<V>(V::load(p + l) - V::splat(highest)));
    for (l = count; l < rows; ++l) p[l] = 0;
    float lane[16] = {};
    for (l = 0; l < rows; l += 16)
      for (int k = 0; k < 16; ++k) lane[k] += p[l + k];
    float sum = 0;
    for (float const x : lane) sum += x;
    top = highest, total = Kokkos::fma(total, old, sum);
  }
};

}  // namespace cria::kernel
