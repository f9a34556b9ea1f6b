// expect: layer_norm(x, w, b): the last axis of x must be the axis of w and b
// axis: axis<embed, 4096>
// axis: axis<hidden, 11008>
#include "axes.hpp"

using namespace cria;

struct block {
  using input = rows;
  static constexpr auto forward(auto x) {
    return matmul(layer_norm(x, weight<gain, E>, weight<gain, F>), weight<w1, E, E>);
  }
};

constexpr graph g = record<block>();
