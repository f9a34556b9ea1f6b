// expect: training: a custom operator needs a derivative
// axis: square
#include "axes.hpp"
#include "cria/graph/program.hpp"

using namespace cria;

struct square {
  static constexpr char name[] = "square";
  static float apply(float x) { return x * x; }
};

struct block {
  using input = rows;
  static constexpr auto forward(auto x) { return x + map<square>(x); }
};

constexpr plan p = plan_of<gradient_of<block, policy::exact<>>>;
