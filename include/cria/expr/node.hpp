#pragma once
// A node of a graph: integers and one number, nothing else. Kernels copy nodes, and device code must not see a pointer.
#include "cria/core/dtype.hpp"

namespace cria {

/// What a node computes. Norms are not among them: they are maps and one row sum, so that their backward and their
/// fusion come for nothing.
enum class op : unsigned char {
  input,           // rows given by the caller: [token, cols]
  weight,          // [rows, cols]; a vector has one row
  embedding,       // rows of a weight, chosen by the tokens or the positions
  map,             // elementwise over up to four operands, rows and columns of one broadcast
  rope,            // rotation of pairs (2i, 2i + 1) within each head, by position
  row_sum,         // over a row: [token, 1]; with a size over each head: [token, heads]
  token_sum,       // over tokens: [1, cols]; with a size over tokens and heads: [1, size]
  log_sum_exp,     // over a row: [token, 1]
  pick,            // of a row the column that the row's target names: [token, 1]
  pick_back,       // its gradient: in the target's column the operand [token, 1], else 0
  matmul,          // x w^T: x [token, in], w [out, in]
  matmul_dx,       // dy w, or the sum of up to three such products: dy1 w1 + dy2 w2 + dy3 w3, operands in pairs
  matmul_dw,       // dy^T x
  embedding_dw,    // adds the rows of dy that share a token, or a position
  attention,       // causal softmax(q k^T / sqrt(size)) v, per head
  attention_lse,   // of each row and head the log of the sum of e^score: [token, heads]
  attention_back,  // its gradient to q, k or v, from q, k, v, dy, the value y and the lse
  custom_row,      // a row operator from outside the library, with its own kernel
  custom_row_back  // its gradient, from its operand and dy
};

/// Which function a map computes, elementwise.
enum class fn : unsigned char {
  none, copy, negative, add, subtract, mul, scale, softmax, silu, silu_slope, gelu_tanh, gelu_tanh_slope, rstd, rstd_slope,
  along_head, in_each_head,  // [token, heads] or [1, size], repeated to [token, heads size]
  custom
};

/// The number of rows of what is computed for each token: known at run time.
inline constexpr int per_token = -1;
inline constexpr int max_operands = 6;

/// One operator or leaf, its operands by index; equal nodes are one.
struct node {
  op kind{};
  fn f{};
  short functor = -1;  // custom: its index among the program's functors
  short part = -1;     // custom: which partial derivative; attention_back: to which operand; rope: the rotation's sign;
                       // input: whose (see input_role); embedding: what chooses (see chosen_by)
  short in[max_operands] = {-1, -1, -1, -1, -1, -1};
  int rows = per_token, cols = 0;
  int count = 0, kv_count = 0, size = 0;  // heads, kv heads, values of a head
  int window = 0;                         // attention: positions that a row sees, its own among them; 0: all up to its own
  double scalar = 0;                      // rstd: epsilon; scale: the factor; custom: operations of an element (map) or a row
  short symbol = -1;                      // weights and functors: their entry in the graph's table
  short turn = -1;                        // rope: the rotation among the graph's
  layer_formats type{};                   // weights: as stored

  constexpr int arity() const {
    int n = 0;
    while (n < max_operands && in[n] >= 0) ++n;
    return n;
  }
  constexpr bool operator==(node const&) const = default;
};

/// Whose an input is: the block's own, the gradient that flows into its result, or the k-th value that a forward kept.
namespace input_role {
inline constexpr short own = -1, gradient = -2;
}

/// What chooses the rows of an embedding.
namespace chosen_by {
inline constexpr short token = -1, position = 0;
}

constexpr bool is_leaf(node const& n) { return n.kind == op::input || n.kind == op::weight; }
constexpr bool is_contraction(op k) { return k == op::matmul || k == op::matmul_dx || k == op::matmul_dw; }

}  // namespace cria
