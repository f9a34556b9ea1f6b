#pragma once
// Reverse-mode differentiation: the graph of a forward becomes the graph of its value and of all its gradients.
#include "cria/graph/rules.hpp"

namespace cria {

/// The gradient graph of `forward`, which has one output y. A second input is added: dy, shaped like y.
/// Outputs, in order: y, then the gradient of each input and weight in the order of their nodes.
/// What the backward needs of the forward is recomputed in the same graph.
constexpr graph differentiate(graph forward) {
  graph* const g = &forward;
  gradients d{g, {}};
  for (short& i : d.of) i = -1;
  int const y = g->outputs[0], last = g->count;
  d.of[y] = short(g->add({.kind = op::input, .rows = g->nodes[y].rows, .cols = g->nodes[y].cols}));
  for (int i = last - 1; i >= 0; --i)
    if (d.of[i] >= 0) propagate(d, i, var{g, d.of[i]});
  for (int i = 0; i < last; ++i)
    if (is_leaf(g->nodes[i]) && d.of[i] >= 0) g->output(d.of[i]);
  return prune(forward);
}

}  // namespace cria
