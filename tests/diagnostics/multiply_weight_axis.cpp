// expect: x * w: the last axis of x must be the axis of w
// axis: same_axis<axis<embed, 4096>, axis<hidden, 11008>>
#include "axes.hpp"

using namespace cria;

struct block {
  using input = rows;
  static constexpr auto forward(auto x) { return x + x * weight<gain, F>; }
};

constexpr graph g = record<block>();
