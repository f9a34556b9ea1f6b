#pragma once
// The gradients of attention to q, k and v, the softmax of a row recomputed where it is needed. Portable and right; one team
// takes one row of one head. The rows of a sequence follow each other (training).
#include "cria/kernel/evaluate.hpp"
#include "cria/kernel/team.hpp"

namespace cria::kernel {

template <class P, int G> struct attention_back_kernel : evaluate<P, G>, one_phase {
  using base = evaluate<P, G>;
  using base::at, base::c;
  static constexpr int self = plan_of<P>.groups[G].nodes[0];
  static constexpr node n = at(self);
  static constexpr int to = n.part;  // 0: q, 1: k, 2: v
  enum : int { size = n.size, per_kv = n.count / n.kv_count, out_heads = to == 0 ? n.count : n.kv_count };

  int pieces(int) const { return c.rows * out_heads; }
  KOKKOS_INLINE_FUNCTION std::size_t scratch_floats() const { return 2 * std::size_t(c.rows) + 2; }  // probabilities, their gradients, mean

  template <class Team> KOKKOS_INLINE_FUNCTION void work(Team const& t, int, int piece, float* scratch) const {
    int const row = piece / out_heads, head = piece % out_heads, begin = row - c.position[row];
    float *const p = scratch, *const dp = p + c.rows, *const mean = dp + c.rows;
    float const scale = 1 / Kokkos::sqrt(float(size));
    if constexpr (to == 0) {
      softmax(t, row, head, p, dp, mean);
      t.each(size, [&](int d) {
        float r = 0;
        for (int u = begin; u <= row; ++u) r += p[u - begin] * (dp[u - begin] - *mean) * scale * k(u, head, d);
        base::template store<self>(row, head * size + d, r);
      });
    } else {
      t.each(size, [&](int d) { base::template store<self>(row, head * size + d, 0.0f); });
      for (int h = head * per_kv; h < (head + 1) * per_kv; ++h)
        for (int u = row; u < c.rows && c.sequence[u] == c.sequence[row]; ++u) {
          t.barrier();
          softmax(t, u, h, p, dp, mean);
          int const i = row - begin;
          float const weight = to == 1 ? p[i] * (dp[i] - *mean) * scale : p[i];
          t.each(size, [&](int d) {
            float const with = to == 1 ? q(u, h, d) : dy(u, h, d);
            base::template store<self>(row, head * size + d, Kokkos::fma(weight, with, base::template load<self>(row, head * size + d)));
          });
        }
    }
  }

 private:
  KOKKOS_FORCEINLINE_FUNCTION float q(int row, int head, int d) const { return base::template load<n.in[0]>(row, head * size + d); }
  KOKKOS_FORCEINLINE_FUNCTION float k(int row, int head, int d) const { return base::template load<n.in[1]>(row, head / per_kv * size + d); }
  KOKKOS_FORCEINLINE_FUNCTION float v(int row, int head, int d) const { return base::template load<n.in[2]>(row, head / per_kv * size + d); }
  KOKKOS_FORCEINLINE_FUNCTION float dy(int row, int head, int d) const { return base::template load<n.in[3]>(row, head * size + d); }

  /// The probabilities p of a row of a head, the gradient dp = dy . v that reaches each, and mean = sum p dp.
  template <class Team> KOKKOS_INLINE_FUNCTION void softmax(Team const& t, int row, int head, float* p, float* dp, float* mean) const {
    int const count = c.position[row] + 1, begin = row - c.position[row];
    float const scale = 1 / Kokkos::sqrt(float(size));
    t.each(count, [&](int i) {
      float score = 0, into = 0;
      for (int d = 0; d < size; ++d) {
        score = Kokkos::fma(q(row, head, d), k(begin + i, head, d), score);
        into = Kokkos::fma(dy(row, head, d), v(begin + i, head, d), into);
      }
      p[i] = score * scale, dp[i] = into;
    });
    t.barrier();
    t.each(1, [&](int) {
      float top = p[0], total = 0, sum = 0;
      for (int i = 1; i < count; ++i) top = p[i] > top ? p[i] : top;
      for (int i = 0; i < count; ++i) total += p[i] = exp(p[i] - top);
      for (int i = 0; i < count; ++i) sum += (p[i] /= total) * dp[i];
      *mean = sum;
    });
    t.barrier();
  }
};

}  // namespace cria::kernel
