#pragma once
// Causal attention with a running softmax (Milakov and Gimelshein 2018; Dao et al. 2022): [token, token] never exists.
// One team, one row and one kv head with all its query heads. Positions are taken in chunks from 0 on, whatever the row: a
// prompt and single tokens sum in the same order.
#include "cria/kernel/evaluate.hpp"
#include "cria/kernel/team.hpp"

namespace cria::kernel {

template <class P, int G> struct attention_kernel : evaluate<P, G> {
  using base = evaluate<P, G>;
  using base::at, base::c;
  static constexpr int self = plan_of<P>.groups[G].nodes[0];
  static constexpr node n = at(self);
  static constexpr bool cached = plan_of<P>.where[n.in[1]].at == region::key_cache;
  enum : int { size = n.size, group_heads = n.count / n.kv_count, kv_heads = n.kv_count, chunk = 64 };

  void divide(int, bool) {}
  int pieces() const { return c.rows * kv_heads; }
  KOKKOS_INLINE_FUNCTION std::size_t scratch_floats() const { return std::size_t(group_heads) * (2 * size + chunk + 3); }

  template <class Team> KOKKOS_INLINE_FUNCTION void work(Team const& t, int piece, float* scratch) const {
    int const row = piece / kv_heads, kv = piece % kv_heads, last = c.position[row];
    float *const q = scratch, *const sum = q + group_heads * size, *const p = sum + group_heads * size;
    float *const top = p + group_heads * chunk, *const total = top + group_heads, *const rescale = total + group_heads;
    t.each(group_heads * size, [&](int i) {
      q[i] = base::template load<n.in[0]>(row, kv * group_heads * size + i);
      sum[i] = 0;
    });
    t.each(group_heads, [&](int h) { top[h] = -3.0e38f, total[h] = 0; });
    t.barrier();
    for (int begin = 0; begin <= last; begin += chunk) {
      int const count = Kokkos::min(int(chunk), last + 1 - begin);
      scores(t, row, kv, begin, count, q, p);
      t.barrier();
      t.each(group_heads, [&](int h) { softmax(p + h * chunk, count, top[h], total[h], rescale[h]); });
      t.barrier();
      add_values(t, row, kv, begin, count, p, rescale, sum);
      t.barrier();
    }
    t.each(group_heads * size, [&](int i) { base::template store<self>(row, kv * group_heads * size + i, sum[i] / total[i / size]); });
  }

 private:
  /// q . k / sqrt(size) of `count` positions from `begin`, one chain over the size for each.
  template <class Team>
  KOKKOS_INLINE_FUNCTION void scores(Team const& t, int row, int kv, int begin, int count, float const* q, float* p) const {
    constexpr int L = Team::lanes_at_once;
    if (count == chunk && L > 2) {  // side by side: the chains of four tiles hide each other's latency
      t.each(group_heads, [&](int h) { score<typename Team::lanes, chunk>(row, kv, begin, q + h * size, p + h * chunk); });
    } else {
      t.each(group_heads * ((count + L - 1) / L), [&](int i) {
        int const h = i % group_heads, from = i / group_heads * L;
        score<typename Team::lanes, L>(row, kv, begin + from, q + h * size, p + h * chunk + from);
      });
    }
  }
  template <class V, int L> KOKKOS_INLINE_FUNCTION void score(int row, int kv, int position, float const* q, float* p) const {
    constexpr int vectors = L / V::width;
    float const scale = 1 / Kokkos::sqrt(float(size));
    typename V::f s[vectors] = {};
    for (int d = 0; d < size; ++d)
      for (int v = 0; v < vectors; ++v) s[v] = V::fma(keys<V>(row, kv, position + v * V::width, d), V::splat(q[d]), s[v]);
    for (int v = 0; v < vectors; ++v) V::store(p + v * V::width, s[v] * V::splat(scale));
  }

  /// Element d of the keys of `V::width` positions; past the row's own position anything finite or not, never used.
  template <class V> KOKKOS_FORCEINLINE_FUNCTION typename V::f keys(int row, int kv, int position, int d) const {
    if constexpr (cached) {
      auto const* const k = base::template cache<n.in[1]>(c.sequence[row], kv) + std::size_t(position / 16 * size + d) * 16 + std::size_t(position % 16);
      if constexpr (P::policy::cache::id == dtype::f32) return V::load(k);
      else return V::load_f16(k);
    } else {
      float x[V::width];
      for (int l = 0; l < V::width; ++l) {
        int const p = Kokkos::min(position + l, c.position[row]);
        x[l] = base::template load<n.in[1]>(row - c.position[row] + p, kv * size + d);
      }
      return V::load(x);
    }
  }

  /// p = e^(score - top), with the running top and total; what was summed before must be multiplied by `rescale`.
  KOKKOS_INLINE_FUNCTION static void softmax(float* p, int count, float& top, float& total, float& rescale) {
    float higher = top;
    for (int i = 0; i < count; ++i) higher = p[i] > higher ? p[i] : higher;
    rescale = exp(top - higher);
    for (int i = 0; i < count; ++i) p[i] = exp(p[i] - higher);
    float sum = 0;
    for (int i = 0; i < count; ++i) sum += p[i];
    total = Kokkos::fma(total, rescale, sum);
    top = higher;
  }

  /// sum = sum * rescale + p . values; lanes along the size, positions in order.
  template <class Team>
  KOKKOS_INLINE_FUNCTION void add_values(Team const& t, int row, int kv, int begin, int count, float const* p, float const* rescale, float* sum) const {
    constexpr int span = Team::lanes_at_once == 2 ? 2 : size % 64 == 0 ? 64 : size % 16 == 0 ? 16 : 2;
    using V = std::conditional_t<span == 2, scalar_lane, typename Team::lanes>;
    constexpr int parts = size / span, vectors = span / V::width;
    t.each(group_heads * parts, [&](int i) {
      int const h = i / parts, d = i % parts * span;
      typename V::f s[vectors];
      for (int v = 0; v < vectors; ++v) s[v] = V::load(sum + h * size + d + v * V::width) * V::splat(rescale[h]);
      for (int k = 0; k < count; ++k) {
        typename V::f const weight = V::splat(p[h * chunk + k]);
        for (int v = 0; v < vectors; ++v) s[v] = V::fma(weight, values<V>(row, kv, begin + k, d + v * V::width), s[v]);
      }
      for (int v = 0; v < vectors; ++v) V::store(sum + h * size + d + v * V::width, s[v]);
    });
  }

  /// Elements d and on of the value of a position.
  template <class V> KOKKOS_FORCEINLINE_FUNCTION typename V::f values(int row, int kv, int position, int d) const {
    if constexpr (cached) {
      auto const* const x = base::template cache<n.in[2]>(c.sequence[row], kv) + std::size_t(position) * size + std::size_t(d);
      if constexpr (P::policy::cache::id == dtype::f32) return V::load(x);
      else return V::load_f16(x);
    } else {
      float x[V::width];
      for (int l = 0; l < V::width; ++l) x[l] = base::template load<n.in[2]>(row - c.position[row] + position, kv * size + d + l);
      return V::load(x);
    }
  }
};

}  // namespace cria::kernel
