#pragma once
// Segments: the outputs of a group of contractions that come from the same tiles. q, k and v are three segments of one
// group; w1 and w3 are two contractions of one segment.
#include "cria/graph/plan.hpp"

namespace cria::kernel {

/// A short list of node indices, made while compiling.
struct node_list {
  short at[24]{};
  int count = 0;
  constexpr int find(int i) const {
    for (int k = 0; k < count; ++k)
      if (at[k] == i) return k;
    return -1;
  }
  constexpr void add(int i) {
    if (find(i) < 0) at[count++] = short(i);
  }
};

struct segment {
  node_list contractions, outputs;
};

struct segment_list {
  segment at[8]{};
  int count = 0;
  constexpr segment const& holding(int contraction) const {
    int s = 0;
    while (at[s].contractions.find(contraction) < 0) ++s;
    return at[s];
  }
};

/// The contractions of group q that node i is computed from.
constexpr void collect_contractions(plan const& p, int q, int i, node_list& l) {
  if (is_contraction(p.g.nodes[i].kind)) return l.add(i);
  for (short j : p.g.nodes[i].in)
    if (j >= 0 && p.home[j] == q) collect_contractions(p, q, j, l);
}

constexpr segment_list segments_of(plan const& p, int q) {
  segment_list r{};
  for (int k = 0; k < p.groups[q].output_count; ++k) {
    int const o = p.groups[q].outputs[k];
    node_list l{};
    collect_contractions(p, q, o, l);
    segment merged{l, {}};
    int kept = 0;
    for (int s = 0; s < r.count; ++s) {  // join every segment that shares a contraction
      bool shares = false;
      for (int i = 0; i < l.count; ++i) shares = shares || r.at[s].contractions.find(l.at[i]) >= 0;
      if (!shares) {
        r.at[kept++] = r.at[s];
        continue;
      }
      for (int i = 0; i < r.at[s].contractions.count; ++i) merged.contractions.add(r.at[s].contractions.at[i]);
      for (int i = 0; i < r.at[s].outputs.count; ++i) merged.outputs.add(r.at[s].outputs.at[i]);
    }
    merged.outputs.add(o);
    r.at[kept] = merged;
    r.count = kept + 1;
  }
  return r;
}

}  // namespace cria::kernel
