#pragma once
// What the numbers of a step's rows must stay below.
#include "cria/expr/graph.hpp"

namespace cria {

/// Tokens and positions where embeddings read them, targets where a loss does; 2^30 where nothing does.
struct row_limits {
  int token = 1 << 30, position = 1 << 30, target = 1 << 30;
};
constexpr row_limits limits_of(graph const& g) {
  row_limits r{};
  auto const lower = [](int& limit, int to) { limit = to < limit ? to : limit; };
  for (int i = 0; i < g.count; ++i) {
    node const& n = g.nodes[i];
    if (n.kind == op::embedding) lower(n.part == chosen_by::position ? r.position : r.token, g.nodes[n.in[0]].rows);
    if (n.kind == op::pick) lower(r.target, g.nodes[n.in[0]].cols);
  }
  return r;
}

}  // namespace cria
