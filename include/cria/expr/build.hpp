#pragma once
// An untyped handle with operators: expressions append through it, and rules of differentiation read like mathematics.
#include "cria/expr/graph.hpp"

namespace cria {

/// Node `id` of graph `g`.
struct var {
  graph* g = nullptr;
  int id = -1;
  constexpr node const& operator*() const { return g->nodes[id]; }
  constexpr node const* operator->() const { return &g->nodes[id]; }
};

template <class... Operands> constexpr var append(graph* g, node n, Operands... operands) {
  short const given[] = {short(operands)..., -1};
  for (std::size_t k = 0; k < max_operands; ++k) n.in[k] = k < sizeof...(operands) ? given[k] : short(-1);
  return {g, g->add(n)};
}

constexpr int wider(int a, int b) { return a > b ? a : b; }

/// f(a), elementwise.
constexpr var map(fn f, var a) { return append(a.g, {.kind = op::map, .f = f, .rows = a->rows, .cols = a->cols}, a.id); }

/// f(a, b), elementwise; one row or one column is repeated.
constexpr var map(fn f, var a, var b) {
  int const rows = a->rows == per_token || b->rows == per_token ? per_token : wider(a->rows, b->rows);
  return append(a.g, {.kind = op::map, .f = f, .rows = rows, .cols = wider(a->cols, b->cols)}, a.id, b.id);
}
constexpr var operator+(var a, var b) { return map(fn::add, a, b); }
constexpr var operator-(var a, var b) { return map(fn::subtract, a, b); }
constexpr var operator-(var a) { return map(fn::negative, a); }
constexpr var operator*(var a, var b) { return map(fn::mul, a, b); }
constexpr var silu(var x) { return map(fn::silu, x); }
constexpr var gelu_tanh(var x) { return map(fn::gelu_tanh, x); }
constexpr var scale(var x, double by) {
  return append(x.g, {.kind = op::map, .f = fn::scale, .rows = x->rows, .cols = x->cols, .scalar = by}, x.id);
}

/// [token, cols] -> [token, 1]
constexpr var row_sum(var a) { return append(a.g, {.kind = op::row_sum, .cols = 1}, a.id); }
/// [token, cols] -> [1, cols]
constexpr var token_sum(var a) { return append(a.g, {.kind = op::token_sum, .rows = 1, .cols = a->cols}, a.id); }

/// [token, heads size] -> [token, heads], and over tokens too [1, size]
constexpr var head_sum(var a, int size) { return append(a.g, {.kind = op::row_sum, .cols = a->cols / size, .size = size}, a.id); }
constexpr var token_and_head_sum(var a, int size) {
  return append(a.g, {.kind = op::token_sum, .rows = 1, .cols = size, .size = size}, a.id);
}
/// [token, heads] -> [token, heads size]
constexpr var along_head(var a, int size) {
  return append(a.g, {.kind = op::map, .f = fn::along_head, .cols = a->cols * size, .size = size}, a.id);
}
/// [1, size] -> [token, heads size]
constexpr var in_each_head(var w, int heads) {
  return append(w.g, {.kind = op::map, .f = fn::in_each_head, .cols = w->cols * heads, .size = w->cols}, w.id);
}

/// [token, cols] -> [token, 1]
constexpr var log_sum_exp(var a) { return append(a.g, {.kind = op::log_sum_exp, .cols = 1}, a.id); }
constexpr var pick(var a) { return append(a.g, {.kind = op::pick, .cols = 1}, a.id); }
/// [token, 1] -> [token, cols]
constexpr var pick_back(var d, int cols) { return append(d.g, {.kind = op::pick_back, .cols = cols}, d.id); }
/// e^(x - lse), x [token, cols], lse [token, 1]
constexpr var probabilities(var x, var lse) { return map(fn::softmax, x, lse); }

/// 1 / sqrt(sum / width + epsilon), where sum is a row's or a head's sum of squares. The width stands in `size`.
constexpr var rstd(var sum, int width, double epsilon) {
  return append(sum.g, {.kind = op::map, .f = fn::rstd, .cols = sum->cols, .size = width, .scalar = epsilon}, sum.id);
}
/// Norms have no nodes of their own.
constexpr var normalise(var x, double epsilon) { return x * rstd(row_sum(x * x), x->cols, epsilon); }
constexpr var normalise_heads(var x, int size, double epsilon) {
  return x * along_head(rstd(head_sum(x * x, size), size, epsilon), size);
}
constexpr var centre(var x) { return x - scale(row_sum(x), 1.0 / x->cols); }

/// x [token, in], w [out, in] -> [token, out]
constexpr var matmul(var x, var w) { return append(x.g, {.kind = op::matmul, .cols = w->rows}, x.id, w.id); }
/// dy [token, out], w [out, in] -> [token, in]
constexpr var matmul_dx(var dy, var w) { return append(dy.g, {.kind = op::matmul_dx, .cols = w->cols}, dy.id, w.id); }
/// dy [token, out], x [token, in] -> [out, in], the gradient of w
constexpr var matmul_dw(var dy, var x, var w) {
  return append(dy.g, {.kind = op::matmul_dw, .rows = dy->cols, .cols = x->cols, .symbol = w->symbol}, dy.id, x.id);
}

/// Rotates pairs (2i, 2i + 1) of each head as rotation `turn` of the graph says; direction -1 turns back.
constexpr var rope(var x, short turn, int direction) {
  node const n{.kind = op::rope,
               .part = short(direction),
               .cols = x->cols,
               .size = x.g->rotations[turn % max_rotations].size,
               .turn = turn};
  return append(x.g, n, x.id);
}

/// q [token, heads size], k and v [token, kv heads size] -> [token, heads size]
constexpr var attention(var q, var k, var v, int size, int window = 0) {
  // Keys and values each get a place of their own in the cache, so they are values of their own.
  auto const captured = [](var x) {
    for (int i = 0; i < x.g->capture_count; ++i)
      if (x.g->captures[i].at == x.id) return true;
    return false;
  };
  if (is_leaf(*k) || captured(k)) k = map(fn::copy, k);
  while (is_leaf(*v) || v.id == k.id || captured(v)) v = map(fn::copy, v);
  node const n{.kind = op::attention,
               .cols = q->cols,
               .count = q->cols / size,
               .kv_count = k->cols / size,
               .size = size,
               .window = window};
  return append(q.g, n, q.id, k.id, v.id);
}

/// The log of the sum of e^score of each row and head of an attention.
constexpr var attention_lse(var y) {
  node n = *y;
  n.kind = op::attention_lse, n.cols = n.count;
  return append(y.g, n, n.in[0], n.in[1], n.in[2]);
}

/// w [vocabulary or positions, cols] -> [token, cols]
constexpr var embedding(var w, short by) { return append(w.g, {.kind = op::embedding, .part = by, .cols = w->cols}, w.id); }

}  // namespace cria
