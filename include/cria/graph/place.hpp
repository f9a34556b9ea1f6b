#pragma once
// Placement: where each stored value lives, and how much workspace a row needs.
#include "cria/graph/plan.hpp"

namespace cria {

/// The last group that loads each node; the group that computes it where none does.
struct life_times {
  int last[graph::capacity]{};
};
constexpr life_times lives_of(plan const& p) {
  life_times r{};
  for (int i = 0; i < p.g.count; ++i) r.last[i] = p.home[i];
  for (int q = 0; q < p.count; ++q) {
    load_set const l = loads_of(p, q);
    for (int i = 0; i < p.g.count; ++i)
      if (l.loads[i] && q > r.last[i]) r.last[i] = q;
  }
  return r;
}

namespace detail {

/// Keys and values of an attention, when a cache keeps them.
constexpr region cache_region(graph const& g, int i) {
  for (int u = i + 1; u < g.count; ++u)
    if (g.nodes[u].kind == op::attention) {
      if (g.nodes[u].in[1] == i) return region::key_cache;
      if (g.nodes[u].in[2] == i) return region::value_cache;
    }
  return region::none;
}

constexpr int padded(int cols) { return (cols + 15) / 16 * 16; }

/// First fit among the values that are alive at the same time. Reuse only where lives don't overlap: two teams of one
/// kernel must never write what another still reads.
constexpr void first_fit(plan& p, int i, int const (&last)[graph::capacity]) {
  int at = 0;
  for (bool moved = true; moved;) {
    moved = false;
    for (int j = 0; j < i; ++j) {
      if (p.where[j].at != region::work || last[j] < p.home[i] || last[i] < p.home[j]) continue;
      int const begin = p.where[j].index, end = begin + padded(p.g.nodes[j].cols);
      if (at < end && begin < at + padded(p.g.nodes[i].cols)) at = end, moved = true;
    }
  }
  p.where[i] = {region::work, at};
  p.work = at + padded(p.g.nodes[i].cols) > p.work ? at + padded(p.g.nodes[i].cols) : p.work;
}

}  // namespace detail

/// Gives every stored value its place. With `cached`, attention's keys and values live in the cache (inference); without,
/// in the workspace (training, where a row sees the rows of its own step).
constexpr plan place(plan p, bool cached) {
  life_times const lives = lives_of(p);
  int keys = 0, values = 0;
  for (int i = 0; i < p.g.count; ++i) {
    node const& n = p.g.nodes[i];
    if (n.kind == op::input) p.where[i] = {region::input, p.g.index_in_kind(i)};
    if (n.kind == op::weight) p.where[i] = {region::weight, p.g.index_in_kind(i)};
    if (!p.stored[i]) continue;
    region const kept = cached ? detail::cache_region(p.g, i) : region::none;
    if (int const k = p.g.output_index(i); k >= 0) p.where[i] = {region::output, k};
    else if (kept == region::key_cache) p.where[i] = {kept, keys++};
    else if (kept == region::value_cache) p.where[i] = {kept, values++};
    else if (n.rows == per_token) detail::first_fit(p, i, lives.last);
    else p.where[i] = {region::fixed, p.fixed}, p.fixed += n.rows * detail::padded(n.cols);
  }
  return p;
}

}  // namespace cria
