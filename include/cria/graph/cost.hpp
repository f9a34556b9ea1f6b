#pragma once
// Cost: what each kernel computes and moves, as constexpr numbers. A benchmark divides by measured time.
#include "cria/graph/fuse.hpp"
#include "cria/graph/plan.hpp"

namespace cria {

/// Of one kernel: floating-point operations of a row, and for each position that the row attends to; bytes of weights
/// that a step reads and of their gradients that it writes, once; bytes of rows read and written for each row; bytes of
/// cache read for each position. A row attends to no more than `window` positions, where one is given.
struct kernel_cost {
  double flops_per_row = 0, flops_per_position = 0;
  double weight_bytes = 0, bytes_per_row = 0, cache_bytes_per_position = 0;
  int window = 0;

  /// Of so many earlier positions, and its own, those that a row attends to.
  constexpr int seen(int positions) const { return window > 0 && window < positions ? window : positions; }

  /// Of attentions with different windows the largest counts.
  constexpr kernel_cost& operator+=(kernel_cost const& o) {
    if (flops_per_position == 0) window = o.window;
    else if (o.flops_per_position > 0) window = window > 0 && o.window > 0 ? wider(window, o.window) : 0;
    flops_per_row += o.flops_per_row, flops_per_position += o.flops_per_position;
    weight_bytes += o.weight_bytes, bytes_per_row += o.bytes_per_row, cache_bytes_per_position += o.cache_bytes_per_position;
    return *this;
  }
};

namespace detail {

/// Whether a contraction multiplies with all of weight i.
constexpr bool reads_whole(node const& n, int i) {
  for (int w = 1; w < max_operands; w += 2)
    if (is_contraction(n.kind) && n.in[w] == i) return true;
  return false;
}

/// Operations of one row of what group q computes for node i, recomputed operands included.
constexpr double row_flops(plan const& p, int q, int i, bool (&seen)[graph::capacity]) {
  if (seen[i] || is_leaf(p.g.nodes[i]) || (p.home[i] >= 0 && p.home[i] != q)) return 0;
  seen[i] = true;
  node const& n = p.g.nodes[i];
  double total = double(flops(n)) * n.cols;
  if (is_contraction(n.kind)) {
    total = n.kind == op::matmul_dw ? 2.0 * n.rows * n.cols : 0;
    for (int w = 1; w < n.arity() && n.kind != op::matmul_dw; w += 2)
      total += 2.0 * p.g.nodes[n.in[w]].rows * p.g.nodes[n.in[w]].cols;
  }
  if (n.kind == op::custom_row || n.kind == op::custom_row_back) total = n.scalar;
  if (n.f == fn::custom && n.kind == op::map) total = n.scalar * n.cols;
  if (n.kind == op::row_sum) total = p.g.nodes[n.in[0]].cols;
  if (n.kind == op::log_sum_exp) total = 24.0 * p.g.nodes[n.in[0]].cols;
  if (n.kind == op::token_sum || n.kind == op::embedding_dw) total = p.g.nodes[n.in[0]].cols;
  for (short j : n.in)
    if (j >= 0) total += row_flops(p, q, j, seen);
  return total;
}

}  // namespace detail

/// The cost of group q of a plan, with keys and values cached in the given format.
constexpr kernel_cost cost_of(plan const& p, int q, dtype cache) {
  kernel_cost c{};
  group const& k = p.groups[q];
  bool seen[graph::capacity]{};
  for (int i = 0; i < k.count; ++i) c.flops_per_row += detail::row_flops(p, q, k.nodes[i], seen);
  auto const cached = [&](int i) { return p.where[i].at == region::key_cache || p.where[i].at == region::value_cache; };
  load_set const loaded = loads_of(p, q);
  for (int i = 0; i < p.g.count; ++i) {
    node const& n = p.g.nodes[i];
    if (!loaded.loads[i]) continue;
    if (n.kind == op::weight) {
      bool whole = n.rows == 1;  // an embedding reads a row for each token
      for (int u = 0; u < p.g.count; ++u) whole = whole || detail::reads_whole(p.g.nodes[u], i);
      (whole ? c.weight_bytes : c.bytes_per_row) += bytes_of(n.type, std::size_t(n.cols)) * (whole ? n.rows : 1);
    } else if (cached(i)) {
      c.cache_bytes_per_position += double(bytes_of(cache, std::size_t(n.cols)));
    } else if (n.rows == per_token) {
      c.bytes_per_row += 4.0 * n.cols;
    }
  }
  for (int i = 0; i < k.output_count; ++i) {
    node const& n = p.g.nodes[k.outputs[i]];
    if (n.rows == per_token) c.bytes_per_row += double(bytes_of(cached(k.outputs[i]) ? cache : dtype::f32, std::size_t(n.cols)));
    else c.weight_bytes += 4.0 * n.rows * n.cols;
  }
  // q . k and p v; backward: q . k again, dy . v, and a sum for each of q, k and v.
  node const& first = p.g.nodes[k.nodes[0]];
  int const width = first.count * first.size;
  if (k.k == kernel_class::attention) c.flops_per_position = 4.0 * width;
  if (k.k == kernel_class::attention_back) c.flops_per_position = 10.0 * width;
  c.window = first.window;
  return c;
}

/// The cost of all kernels of a plan.
constexpr kernel_cost cost_of(plan const& p, dtype cache) {
  kernel_cost c{};
  for (int q = 0; q < p.count; ++q) c += cost_of(p, q, cache);
  return c;
}

}  // namespace cria
