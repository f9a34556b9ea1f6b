// expect: rope(x): the size of a head must be even
// axis: heads<query, 3, 5>
#include "axes.hpp"

using namespace cria;

struct block {
  using input = rows;
  static constexpr auto forward(auto x) {
    return rope(matmul(x, weight<wq, heads<query, 3, 5>, E>));
  }
};

constexpr graph g = record<block>();
