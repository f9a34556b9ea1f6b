// expect: matmul(x, w): x must be an expression and w a weight of two axes
#include "axes.hpp"

using namespace cria;

struct block {
  using input = rows;
  static constexpr auto forward(auto x) {
    return x + matmul(weight<w1, F, E>, x);
  }
};

constexpr graph g = record<block>();
