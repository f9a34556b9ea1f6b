#pragma once
// A node of a graph: integers and one number, nothing else. Kernels copy nodes, and device code must not see a pointer.
#include "cria/core/dtype.hpp"

namespace cria {

/// What a node computes. Norms are not among them: they are maps and one row sum, so that their backward and their
/// fusion come for nothing.
enum class op : unsigned char {
  input,           // rows given by the caller: [token, cols]
  weight,          // [rows, cols]; a vector has one row
  embedding,       // rows of a weight, chosen by the tokens
  map,             // elementwise over up to four operands, rows and columns of one broadcast
  rope,            // rotation of pairs (2i, 2i + 1) within each head, by position
  row_sum,         // over a row: [token, 1]
  token_sum,       // over tokens: [1, cols]
  matmul,          // x w^T: x [token, in], w [out, in]
  matmul_dx,       // dy w
  matmul_dw,       // dy^T x
  embedding_dw,    // adds the rows of dy that share a token
  attention,       // causal softmax(q k^T / sqrt(size)) v, per head
  attention_back,  // its gradient to q, k or v
  custom_row       // a row operator from outside the library, with its own kernel
};

enum class fn : unsigned char { none, copy, add, mul, silu, silu_slope, rstd, rstd_slope, custom };

/// The number of rows of what is computed for each token: known at run time.
inline constexpr int per_token = -1;
inline constexpr int max_operands = 4;

struct node {
  op kind{};
  fn f{};
  short functor = -1;  // custom: its index among the program's functors
  short part = -1;     // custom: which partial derivative; attention_back: to which operand; rope: the rotation's sign
  short in[max_operands] = {-1, -1, -1, -1};
  int rows = per_token, cols = 0;
  int count = 0, kv_count = 0, size = 0;  // heads, kv heads, values of a head
  double scalar = 0;                      // rstd: epsilon; rope: theta
  short symbol = -1;                      // weights and functors: their entry in the graph's table
  dtype type = dtype::f32;                // weights: as stored

  constexpr int arity() const {
    int n = 0;
    while (n < max_operands && in[n] >= 0) ++n;
    return n;
  }
  constexpr bool operator==(node const&) const = default;
};

constexpr bool is_leaf(node const& n) { return n.kind == op::input || n.kind == op::weight; }
constexpr bool is_contraction(op k) { return k == op::matmul || k == op::matmul_dx || k == op::matmul_dw; }

}  // namespace cria
