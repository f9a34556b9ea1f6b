// expect: head_rms_norm(x, w): the last axis of x must be heads
// axis: axis<embed, 4096>
#include "axes.hpp"

using namespace cria;

struct block {
  using input = rows;
  static constexpr auto forward(auto x) {
    return head_rms_norm(matmul(x, weight<w1, E, E>), weight<gain, E>);
  }
};

constexpr graph g = record<block>();
