#pragma once
// Fusion: which nodes one kernel computes together, which are recomputed where they are read, which are stored.
#include "cria/expr/build.hpp"
#include "cria/graph/plan.hpp"

namespace cria {

/// Rough floating-point operations of one element of a map.
constexpr int flops(node const& n) {
  if (n.kind == op::rope) return 3;
  if (n.kind != op::map) return 0;
  switch (n.f) {
    case fn::add:
    case fn::subtract:
    case fn::mul:
    case fn::scale: return 1;
    case fn::rstd:
    case fn::rstd_slope: return 4;
    case fn::softmax:
    case fn::silu:
    case fn::silu_slope: return 24;
    case fn::custom: return int(n.scalar);
    case fn::gelu_tanh:
    case fn::gelu_tanh_slope: return 48;
    default: return 0;
  }
}

namespace detail {

struct fuser {
  plan p{};
  int uses[graph::capacity]{};     // readers of a node
  int wait[graph::capacity]{};     // the last group a node has to wait for
  int again[graph::capacity]{};    // operations to recompute one element from what is in memory
  bool forced[graph::capacity]{};  // must be in memory

  constexpr node const& at(int i) const { return p.g.nodes[i]; }

  constexpr void open(kernel_class k, int i) {
    if (p.count == plan::capacity) return void(p.g.full = true);
    p.groups[p.count++].k = k;
    join(p.count - 1, i);
  }
  constexpr void join(int q, int i) {
    if (p.groups[q].count == group::capacity) return void(p.g.full = true);
    p.groups[q].add(i);
    p.home[i] = short(q);
  }

  constexpr void survey() {
    bool backward = false;
    for (int i = 0; i < p.g.count; ++i) {
      for (short j : at(i).in)
        if (j >= 0) ++uses[j];
      backward = backward || at(i).kind == op::matmul_dw || at(i).kind == op::token_sum;
    }
    for (int k = 0; k < p.g.output_count; ++k) forced[p.g.outputs[k]] = true;
    for (int i = 0; i < p.g.count; ++i) {
      node const& n = at(i);
      bool const attends = n.kind == op::attention || n.kind == op::attention_lse || n.kind == op::attention_back;
      for (short j : n.in)
        if (j >= 0 && (attends || n.kind == op::log_sum_exp || n.kind == op::pick)) forced[j] = true;
      // The rows of a weight gradient's right operand are read again for each block of its left one.
      if (n.kind == op::matmul_dw) forced[n.in[0]] = true;
      // Weight gradients and sums over tokens have no rows of their own: they find a row's numbers in memory, and those
      // of its heads.
      if (backward && n.f == fn::along_head) forced[n.in[0]] = true;
      for (short j : n.in)
        if (j >= 0 && backward && (n.cols > 1 || n.kind == op::token_sum) && at(j).cols == 1 && at(j).rows == per_token)
          forced[j] = true;
    }
  }

  /// A map is computed again by each reader, once by contractions that share a kernel. Store it where that costs more than a
  /// trip through memory, at 8 operations a byte.
  constexpr bool cheaper_stored(int i) const {
    int times = 0;
    bool contracted = false;
    for (int u = i + 1; u < p.g.count; ++u)
      for (int k = 0; k < 2; ++k) {
        if (at(u).in[k] != i) continue;
        if (at(u).kind != op::matmul || !contracted) ++times;
        contracted = contracted || at(u).kind == op::matmul;
      }
    return times > 1 && again[i] * times > 8 * 4 * (1 + times);
  }

  /// A contraction with the same left operand that doesn't come after what i needs: q, k, v; w1, w3.
  constexpr int partner(int i) const {
    if (at(i).kind != op::matmul) return -1;
    for (int q = wait[i] + 1; q < p.count; ++q) {
      node const& first = at(p.groups[q].nodes[0]);
      if (p.groups[q].k == kernel_class::matmul && first.in[0] == at(i).in[0]) return q;
    }
    return -1;
  }

  /// Weight gradients of the same rows share a kernel, the one of the last of them.
  constexpr bool is_last_of_rows(int i) const {
    for (int u = i + 1; u < p.g.count; ++u)
      if (at(u).kind == op::matmul_dw && at(u).in[1] == at(i).in[1]) return false;
    return true;
  }
  constexpr void open_weight_gradients(int last) {
    open(kernel_class::matmul_dw, last);
    for (int i = 0; i < last; ++i)
      if (at(i).kind == op::matmul_dw && at(i).in[1] == at(last).in[1]) join(p.count - 1, i);
  }

  /// The kernel of the same attention, and of the other gradients of the same attention.
  constexpr int sibling(int i) const {
    for (int q = 0; q < p.count; ++q) {
      node const& first = at(p.groups[q].nodes[0]);
      bool same = first.kind == (at(i).kind == op::attention_back ? op::attention_back : op::attention);
      for (int k = 0; k < max_operands; ++k) same = same && first.in[k] == at(i).in[k];
      if (same) return q;
    }
    return -1;
  }

  /// Whether node k is in memory before group q or computed by it, or is made of such values and of sums j by maps.
  constexpr bool at_hand(int k, int q, int j, int placed) const {
    if (k == j || is_leaf(at(k))) return true;
    if (k < placed && p.home[k] >= 0) return p.home[k] <= q;
    bool good = at(k).kind == op::map || at(k).kind == op::rope;
    for (short l : at(k).in) good = good && (l < 0 || at_hand(l, q, j, placed));
    return good;
  }
  /// Whether all readers of the sums j of group q are maps that its tile gives and that are stored anyway, or maps of
  /// which that is true in turn: then j itself isn't stored.
  constexpr bool only_stored_maps_read(int j, int q, int placed) const {
    for (int u = j + 1; u < p.g.count; ++u)
      for (short k : at(u).in) {
        if (k != j) continue;
        bool const map = at(u).kind == op::map && at(u).rows == at(j).rows && at(u).cols == at(j).cols;
        if (!map || !at_hand(u, q, j, placed) || !(forced[u] || only_stored_maps_read(u, q, placed))) return false;
      }
    return true;
  }

  /// Whether a map or rotation computes sums over heads again.
  constexpr bool sums_heads(int i) const {
    if (at(i).kind == op::row_sum) return at(i).size > 0;
    if (at(i).kind != op::map && at(i).kind != op::rope) return false;
    for (short j : at(i).in)
      if (j >= 0 && p.home[j] < 0 && sums_heads(j)) return true;
    return false;
  }
  /// The kernel of another such map that doesn't come after what i needs: queries and keys.
  constexpr int fellow(int i) const {
    if (at(i).kind == op::row_sum || !sums_heads(i)) return -1;
    for (int q = wait[i] + 1; q < p.count; ++q)
      if (p.groups[q].k == kernel_class::row && at(p.groups[q].nodes[0]).kind != op::row_sum &&
          sums_heads(p.groups[q].nodes[0]))
        return q;
    return -1;
  }

  /// A map joins the contraction it waits for where that saves a store.
  constexpr bool is_epilogue(int i) const {
    int const q = wait[i];
    if (q < 0 || !is_contraction(p.groups[q].k) || p.groups[q].k == kernel_class::matmul_dw) return false;
    if (at(i).kind == op::row_sum || at(i).kind == op::embedding || at(i).kind == op::pick ||
        at(i).kind == op::log_sum_exp)
      return false;
    if (at(p.groups[q].nodes[0]).rows != at(i).rows) return false;
    bool saves = false;
    for (short j : at(i).in) {
      if (j < 0) continue;
      if (p.home[j] == q) {
        if (at(j).cols != at(i).cols) return false;
        saves = saves || (!forced[j] && (uses[j] == 1 || only_stored_maps_read(j, q, i)));
      } else if (p.home[j] < 0 && wait[j] == q) {
        return false;  // what is recomputed must not reach back into the tile
      }
    }
    return saves;
  }

  constexpr void place(int i) {
    node const& n = at(i);
    p.home[i] = -1;
    wait[i] = -1;
    again[i] = flops(n);
    for (short j : n.in)
      if (j >= 0) {
        wait[i] = wider(wait[i], wider(wait[j], p.home[j]));
        if (p.home[j] < 0) again[i] += again[j];
      }
    switch (n.kind) {
      case op::input:
      case op::weight: return;
      case op::matmul:
        if (int const q = partner(i); q >= 0) join(q, i);
        else open(kernel_class::matmul, i);
        return;
      case op::matmul_dx: return open(kernel_class::matmul_dx, i);
      case op::matmul_dw:
        if (is_last_of_rows(i)) open_weight_gradients(i);
        return;
      case op::token_sum: return open(kernel_class::token_sum, i);
      case op::embedding_dw: return open(kernel_class::embedding_dw, i);
      case op::attention: return open(kernel_class::attention, i);
      case op::attention_lse:
      case op::attention_back:
        if (int const q = sibling(i); q >= 0) join(q, i);
        else open(n.kind == op::attention_lse ? kernel_class::attention : kernel_class::attention_back, i);
        return;
      case op::log_sum_exp:
      case op::custom_row:
      case op::custom_row_back: return open(kernel_class::row, i);
      default:
        if (is_epilogue(i)) join(wait[i], i);
        else if (forced[i] || cheaper_stored(i)) {
          if (int const q = fellow(i); q >= 0) join(q, i);
          else open(kernel_class::row, i);
        }
    }
  }

  constexpr void store() {
    for (int i = 0; i < p.g.count; ++i) {
      if (p.home[i] < 0) continue;
      bool needed = forced[i];
      for (int u = i + 1; u < p.g.count && !needed; ++u)
        for (short j : at(u).in) needed = needed || (j == i && p.home[u] != p.home[i]);
      if (!needed) continue;
      group& q = p.groups[p.home[i]];
      p.stored[i] = true;
      if (q.output_count == group::output_capacity) p.g.full = true;
      else q.store(i);
    }
  }
};

}  // namespace detail

/// Cuts a graph into kernels. A contraction joins an earlier one with the same left operand. A map becomes an epilogue
/// where that saves a store; any other is recomputed by its readers, as their prologue; so are row sums, by readers that work
/// on whole rows, where there is no weight gradient.
constexpr plan fuse(graph const& g) {
  detail::fuser f{};
  f.p.g = g;
  f.survey();
  for (int i = 0; i < g.count; ++i) f.place(i);
  f.store();
  return f.p;
}

}  // namespace cria
