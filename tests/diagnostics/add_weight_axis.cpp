// expect: x + w: the last axis of x must be the axis of w
// axis: same_axis<axis<hidden, 11008>, axis<embed, 4096>>
#include "axes.hpp"

using namespace cria;

struct block {
  using input = rows;
  static constexpr auto forward(auto x) {
    auto h = matmul(x, weight<w1, F, E>) + weight<gain, E>;
    return x + matmul(h, weight<w2, E, F>);
  }
};

constexpr graph g = record<block>();
