// expect: rms_norm(x, w): x must be an expression and w a weight of one axis
#include "axes.hpp"

using namespace cria;

struct block {
  using input = rows;
  static constexpr auto forward(auto x) {
    return x + rms_norm(x, weight<gain, E, E>);
  }
};

constexpr graph g = record<block>();
