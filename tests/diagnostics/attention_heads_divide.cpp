// expect: attention(q, k, v): the number of heads of q must be a multiple of that of k
// axis: heads<query, 9, 64>
// axis: heads<kv, 4, 64>
#include "axes.hpp"

using namespace cria;

struct block {
  using input = rows;
  static constexpr auto forward(auto x) {
    auto q = matmul(x, weight<wq, heads<query, 9, 64>, E>);
    auto k = matmul(x, weight<wk, heads<kv, 4, 64>, E>);
    auto v = matmul(x, weight<wv, heads<kv, 4, 64>, E>);
    return attention(q, k, v);
  }
};

constexpr graph g = record<block>();
