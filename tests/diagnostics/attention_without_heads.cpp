// expect: attention(q, k, v): the last axes must be heads
// axis: axis<embed, 4096>
#include "axes.hpp"

using namespace cria;

struct block {
  using input = rows;
  static constexpr auto forward(auto x) {
    auto q = matmul(x, weight<wq, heads<query, 32, 128>, E>);
    auto k = matmul(x, weight<wk, E, E>);
    auto v = matmul(x, weight<wv, E, E>);
    return attention(q, k, v);
  }
};

constexpr graph g = record<block>();
