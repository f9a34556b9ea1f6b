// expect: attention(q, k, v): the last axis of k must be the last axis of v
// axis: heads<kv, 8, 128>
// axis: heads<kv, 4, 128>
#include "axes.hpp"

using namespace cria;

struct block {
  using input = rows;
  static constexpr auto forward(auto x) {
    auto q = matmul(x, weight<wq, heads<query, 32, 128>, E>);
    auto k = matmul(x, weight<wk, heads<kv, 8, 128>, E>);
    auto v = matmul(x, weight<wv, heads<kv, 4, 128>, E>);
    return attention(q, k, v);
  }
};

constexpr graph g = record<block>();
