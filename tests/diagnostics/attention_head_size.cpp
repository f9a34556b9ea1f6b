// expect: attention(q, k, v): the heads of q and k must be of one size
// axis: heads<query, 32, 128>
// axis: heads<kv, 8, 64>
#include "axes.hpp"

using namespace cria;

struct block {
  using input = rows;
  static constexpr auto forward(auto x) {
    auto q = matmul(x, weight<wq, heads<query, 32, 128>, E>);
    auto k = matmul(x, weight<wk, heads<kv, 8, 64>, E>);
    auto v = matmul(x, weight<wv, heads<kv, 8, 64>, E>);
    return attention(q, k, v);
  }
};

constexpr graph g = record<block>();
