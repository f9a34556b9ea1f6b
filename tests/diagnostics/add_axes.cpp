// expect: x + y: the axes of x must be the axes of y
// axis: axis<hidden, 11008>
// axis: axis<embed, 4096>
#include "axes.hpp"

using namespace cria;

struct block {
  using input = rows;
  static constexpr auto forward(auto x) {
    return x + matmul(x, weight<w1, F, E>);
  }
};

constexpr graph g = record<block>();
