// expect: head_rms_norm(x, w): the axis of w must be as long as a head of x
// axis: heads<query, 32, 128>
// axis: axis<embed, 4096>
#include "axes.hpp"

using namespace cria;

struct block {
  using input = rows;
  static constexpr auto forward(auto x) {
    return rope(head_rms_norm(matmul(x, weight<wq, heads<query, 32, 128>, E>), weight<gain, E>));
  }
};

constexpr graph g = record<block>();
