// expect: rope(x): the last axis of x must be heads
// axis: axis<embed, 4096>
#include "axes.hpp"

using namespace cria;

struct block {
  using input = rows;
  static constexpr auto forward(auto x) {
    return rope(matmul(x, weight<w1, E, E>));  // heads<query, 32, 128>, not embed
  }
};

constexpr graph g = record<block>();
