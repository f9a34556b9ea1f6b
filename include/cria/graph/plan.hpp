#pragma once
// A plan: the graph cut into groups, each one kernel, and a place for each value that is kept in memory.
#include "cria/expr/graph.hpp"

namespace cria {

/// The classes of kernels.
enum class kernel_class : unsigned char { row, matmul, matmul_dx, matmul_dw, token_sum, embedding_dw, attention, attention_back };

constexpr bool is_contraction(kernel_class k) {
  return k == kernel_class::matmul || k == kernel_class::matmul_dx || k == kernel_class::matmul_dw;
}

/// Nodes that one kernel computes, and those among them that it stores.
struct group {
  static constexpr int capacity = 40, output_capacity = 12;

  kernel_class k{};
  short nodes[capacity]{};
  int count = 0;
  short outputs[output_capacity]{};
  int output_count = 0;

  constexpr void add(int i) { nodes[count++] = short(i); }
  constexpr void store(int i) { outputs[output_count++] = short(i); }
};

/// Attentions with a cache of one block.
inline constexpr int max_attentions = 2;

/// Where a value is: given by the caller, in the cache as key or value, or in the workspace: once per row, or once.
enum class region : unsigned char { none, input, weight, output, key_cache, value_cache, work, fixed };

/// The place of a value.
struct spot {
  region at = region::none;
  int index = 0;  // among its kind; workspace: floats (per row) in front of it
};

/// Groups of nodes in the order in which they run, and where their values are.
struct plan {
  static constexpr int capacity = 64;

  graph g{};
  group groups[capacity]{};
  int count = 0;
  short home[graph::capacity]{};   // the group that computes the node; -1: a leaf, or recomputed where it is read
  bool stored[graph::capacity]{};  // in memory after its group
  spot where[graph::capacity]{};
  int work = 0, fixed = 0;         // floats of workspace: per row, and once

  constexpr int count_of(kernel_class k) const {
    int n = 0;
    for (int i = 0; i < count; ++i) n += groups[i].k == k;
    return n;
  }
};

/// Marks the nodes whose values group `q` loads when it computes node i, also through what it recomputes.
constexpr void mark_loads(plan const& p, int q, int i, bool (&loads)[graph::capacity], bool (&seen)[graph::capacity]) {
  for (short j : p.g.nodes[i].in) {
    if (j < 0 || p.home[j] == q || seen[j]) continue;
    seen[j] = true;
    if (is_leaf(p.g.nodes[j]) || p.home[j] >= 0) loads[j] = true;
    else mark_loads(p, q, j, loads, seen);
  }
}

/// Nodes by index.
struct load_set {
  bool loads[graph::capacity]{};
};
constexpr load_set loads_of(plan const& p, int q) {
  load_set r{};
  bool seen[graph::capacity]{};
  for (int k = 0; k < p.groups[q].count; ++k) mark_loads(p, q, p.groups[q].nodes[k], r.loads, seen);
  return r;
}

}  // namespace cria
