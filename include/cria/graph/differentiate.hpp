#pragma once
// Reverse-mode differentiation: from the graph of a forward the graph of all its gradients; and what of the forward is kept for
// them, what is computed again.
#include "cria/graph/rules.hpp"

namespace cria {

/// A graph with the gradients of what is trained as its outputs. The forward comes first, then a further input: dy, shaped like
/// the forward's result.
struct gradient_graph {
  graph g{};
  int forward = 0;  // nodes of the forward
  short value = 0;  // its result
  short without_rule = -1;  // a node of the forward through which gradients should go and cannot: others are wrong
};

namespace detail {

/// Marks what has a trained weight behind it, or the input where its gradient is asked for.
template <class Trained> constexpr void mark_wanted(gradients& d, graph const& g, bool of_input) {
  for (int i = 0; i < g.count; ++i) {
    node const& n = g.nodes[i];
    bool wanted = n.kind == op::input ? of_input : n.kind == op::weight && Trained::holds(g.symbols[n.symbol].key);
    for (int k = 0; k < n.arity(); ++k) wanted = wanted || d.wanted[n.in[k]];
    d.wanted[i] = wanted;
  }
}

}  // namespace detail

/// The gradients of `forward`, which has one result. Outputs: those of the input, where `of_input`, and of each weight that
/// Trained holds, in the order of leaves; a weight that is used twice has two.
template <class Trained> constexpr gradient_graph differentiate(graph const& forward, bool of_input) {
  gradient_graph r{forward, 0, forward.outputs[0]};
  graph* const g = &r.g;
  g->output_count = g->capture_count = 0;
  for (int i = 0, all = g->count; i < all; ++i)
    if (g->nodes[i].kind == op::attention) attention_lse({g, i});
  r.forward = g->count;
  gradients d{g, {}, {}, {}};
  for (short& i : d.of) i = -1;
  detail::mark_wanted<Trained>(d, *g, of_input);
  node const y = g->nodes[r.value];
  d.of[r.value] = short(g->add({.kind = op::input, .part = input_role::gradient, .rows = y.rows, .cols = y.cols}));
  for (int i = r.forward - 1; i >= 0; --i)
    if (d.of[i] >= 0 && d.wanted[i]) propagate(d, i, var{g, d.of[i]});
  r.without_rule = d.without_rule;
  for (int i = 0; i < r.forward; ++i) {
    if (g->nodes[i].kind == op::input && d.of[i] >= 0 && of_input) g->output(d.of[i], i);
    for (int k = 0; k < d.weight_count; ++k)
      if (d.of_weight[k].leaf == i) g->output(d.of_weight[k].value, i);
  }
  return r;
}

namespace detail {

/// Nodes of the forward that gradients read.
struct node_set {
  bool has[graph::capacity]{};
};
constexpr node_set read_by_gradients(gradient_graph const& d) {
  node_set live{}, read{};
  for (int k = 0; k < d.g.output_count; ++k) live.has[d.g.outputs[k]] = true;
  for (int i = d.g.count - 1; i >= d.forward; --i)
    for (int k = 0; live.has[i] && k < d.g.nodes[i].arity(); ++k) {
      int const j = d.g.nodes[i].in[k];
      live.has[j] = true;
      if (j < d.forward && !is_leaf(d.g.nodes[j])) read.has[j] = true;
    }
  return read;
}

/// What is computed again from values in memory by maps alone.
constexpr bool is_cheap(op k) { return k == op::map || k == op::row_sum || k == op::embedding; }

}  // namespace detail

/// What a backward finds in memory of its forward, besides the block's input; anything else is computed again.
namespace keep {

/// All that it reads.
struct everything {
  static constexpr detail::node_set of(gradient_graph const& d) { return detail::read_by_gradients(d); }
};

/// Results of contractions and attention, and numbers of which there is one for each row; maps of them are computed again.
struct dear {
  static constexpr detail::node_set of(gradient_graph const& d) {
    detail::node_set const read = detail::read_by_gradients(d);
    detail::node_set kept{}, at_hand{};
    for (int i = 0; i < d.forward; ++i) {
      node const& n = d.g.nodes[i];
      bool cheap = is_leaf(n) || (detail::is_cheap(n.kind) && n.cols > 1);
      for (int k = 0; k < n.arity(); ++k) cheap = cheap && at_hand.has[n.in[k]];
      kept.has[i] = read.has[i] && !cheap;
      at_hand.has[i] = cheap || n.cols == 1 || kept.has[i];
      if (read.has[i] && cheap) keep_numbers(d.g, i, kept);
    }
    return kept;
  }

 private:
  /// The numbers of a row that maps are computed from again.
  static constexpr void keep_numbers(graph const& g, int i, detail::node_set& kept) {
    for (int k = 0; k < g.nodes[i].arity(); ++k) {
      int const j = g.nodes[i].in[k];
      if (is_leaf(g.nodes[j]) || kept.has[j]) continue;
      if (g.nodes[j].cols == 1) kept.has[j] = true;
      else keep_numbers(g, j, kept);
    }
  }
};

/// Nothing: the whole block is computed again.
struct inputs {
  static constexpr detail::node_set of(gradient_graph const&) { return {}; }
};

}  // namespace keep

/// The forward of a training step: outputs are the result, then what is kept, in the order of nodes.
constexpr graph forward_part(gradient_graph const& d, detail::node_set const& kept) {
  graph g = d.g;
  g.output_count = 0, g.count = d.forward;
  g.output(d.value);
  for (int i = 0; i < d.forward; ++i)
    if (kept.has[i]) g.output(i);
  return prune(g);
}

/// The backward of a training step: what was kept is an input, the rest of the forward is computed again where it is read.
constexpr graph backward_part(gradient_graph const& d, detail::node_set const& kept) {
  graph g = d.g;
  short k = 0;
  for (int i = 0; i < d.forward; ++i)
    if (kept.has[i]) g.nodes[i] = {.kind = op::input, .part = k++, .rows = g.nodes[i].rows, .cols = g.nodes[i].cols};
  return prune(g);
}

/// Forward and backward in one graph: outputs are the result, then the gradients.
constexpr graph whole_step(gradient_graph const& d, detail::node_set const&) {
  graph g = d.g;
  g.output_count = 0;
  g.output(d.value);
  for (int k = 0; k < d.g.output_count; ++k) g.output(d.g.outputs[k], d.g.leaf_of[k]);
  return prune(g);
}

/// Floats of a row that are kept for the backward, the block's input not counted.
constexpr int kept_floats(gradient_graph const& d, detail::node_set const& kept) {
  int n = 0;
  for (int i = 0; i < d.forward; ++i)
    if (kept.has[i]) n += d.g.nodes[i].cols;
  return n;
}

/// Weights that are trained: all of them, or those of the given names.
namespace train_weights {
/// Every weight.
struct all {
  static constexpr bool holds(void const*) { return true; }
};
/// The weights named Tags; the others are frozen.
template <class... Tags> struct only {
  static constexpr bool holds([[maybe_unused]] void const* key) { return ((key == &key_of<Tags>) || ...); }
};
}  // namespace train_weights

}  // namespace cria
