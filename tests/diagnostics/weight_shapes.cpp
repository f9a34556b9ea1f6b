// expect: weights: one name must stand for one shape
#include "axes.hpp"
#include "cria/graph/program.hpp"

using namespace cria;

struct block {
  using input = rows;
  static constexpr auto forward(auto x) { return x + matmul(matmul(x, weight<w1, F, E>), weight<w1, E, F>); }
};

constexpr plan p = plan_of<forward_of<block, policy::exact<>>>;
