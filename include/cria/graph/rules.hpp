#pragma once
// One table: what flows to each operand of a node, given what flows to the node.
#include "cria/expr/build.hpp"

namespace cria {

/// The gradient of each node so far; -1 where nothing flows. What flows to a weight in several places stays apart: each is an
/// output of its own, added in memory.
struct gradients {
  graph* g;
  short of[graph::capacity];
  bool wanted[graph::capacity];  // whether a trained weight, or an input whose gradient is asked for, is behind the node
  struct {
    short leaf, value;
  } of_weight[graph::output_capacity];
  int weight_count = 0;
  short without_rule = -1;  // a node that something flows to and that no rule is for

  constexpr void add(var x, var d) {
    if (!wanted[x.id]) return;
    if (x->kind != op::weight) of[x.id] = short(of[x.id] < 0 ? d.id : sum({g, of[x.id]}, d).id);
    else if (weight_count == graph::output_capacity) g->full = true;
    else of_weight[weight_count++] = {short(x.id), short(d.id)};
  }

  /// a + b; of two products with weights one contraction over all their inputs.
  constexpr var sum(var a, var b) const {
    int const n = a->arity(), m = b->arity();
    if (a->kind != op::matmul_dx || b->kind != op::matmul_dx || n + m > max_operands) return a + b;
    node joined = *a;
    for (int k = 0; k < m; ++k) joined.in[n + k] = b->in[k];
    return {g, g->add(joined)};
  }

  /// Sums over the rows or columns along which x was repeated.
  constexpr void add_like(var x, var d) {
    if (x->cols == 1 && d->cols > 1) d = row_sum(d);
    if (x->rows == 1 && d->rows == per_token) d = token_sum(d);
    add(x, d);
  }
};

constexpr void propagate_map(gradients& d, var y, var a, var b, var dy) {
  node const n = *y;
  switch (n.f) {
    case fn::copy: d.add_like(a, dy); break;
    case fn::negative: d.add(a, -dy); break;
    case fn::add: d.add_like(a, dy), d.add_like(b, dy); break;
    case fn::subtract: d.add_like(a, dy), d.add_like(b, -dy); break;
    case fn::mul: d.add_like(a, dy * b), d.add_like(b, dy * a); break;
    case fn::along_head: d.add(a, head_sum(dy, n.size)); break;
    case fn::in_each_head: d.add(a, token_and_head_sum(dy, n.size)); break;
    case fn::scale: d.add(a, scale(dy, n.scalar)); break;
    case fn::silu: d.add(a, dy * map(fn::silu_slope, a)); break;
    case fn::gelu_tanh: d.add(a, dy * map(fn::gelu_tanh_slope, a)); break;
    case fn::rstd: {
      node slope = n;
      slope.f = fn::rstd_slope;
      d.add(a, dy * append(d.g, slope, y.id));
      break;
    }
    case fn::custom:
      for (int i = 0, operands = n.arity(); i < operands; ++i) {
        node partial = n;
        partial.part = short(i);
        d.add_like({d.g, n.in[i]}, dy * var{d.g, d.g->add(partial)});
      }
      break;
    default: d.without_rule = short(y.id);
  }
}

constexpr void propagate(gradients& d, int id, var dy) {
  graph* const g = d.g;
  node const n = g->nodes[id];
  var const a{g, n.in[0]}, b{g, n.in[1]}, c{g, n.in[2]}, y{g, id};
  switch (n.kind) {
    case op::matmul: d.add(a, matmul_dx(dy, b)), d.add(b, matmul_dw(dy, a, b)); break;
    case op::rope: d.add(a, rope(dy, n.turn, -n.part)); break;
    case op::row_sum:
      d.add(a, n.size > 0 ? along_head(dy, n.size) : append(g, {.kind = op::map, .f = fn::copy, .cols = a->cols}, dy.id));
      break;
    case op::log_sum_exp: d.add(a, dy * probabilities(a, y)); break;
    case op::pick: d.add(a, pick_back(dy, a->cols)); break;
    case op::embedding:
      d.add(a,
            append(g, {.kind = op::embedding_dw, .part = n.part, .rows = a->rows, .cols = a->cols, .symbol = a->symbol},
                   dy.id));
      break;
    case op::attention:
      for (short i = 0; i < 3; ++i) {
        var const x{g, n.in[i]};
        node back = n;
        back.kind = op::attention_back, back.part = i, back.cols = x->cols;
        d.add(x, append(g, back, a.id, b.id, c.id, dy.id, id, attention_lse(y).id));
      }
      break;
    case op::custom_row: {
      node back = n;
      back.kind = op::custom_row_back, back.part = 0, back.cols = a->cols;
      d.add(a, append(g, back, a.id, dy.id));
      break;
    }
    case op::map: propagate_map(d, y, a, b, dy); break;
    case op::input: break;
    default: d.without_rule = short(id);
  }
}

}  // namespace cria
