// expect: training: a custom operator needs a derivative
// axis: square
#include "axes.hpp"
#include "cria/run/check_gradients.hpp"

using namespace cria;

struct square {
  static constexpr char name[] = "square";
  static float apply(float x) { return x * x; }
};

struct block {
  using input = rows;
  static constexpr auto forward(auto x) { return x + map<square>(x); }
};

auto const found = check_gradients<block>(Kokkos::DefaultHostExecutionSpace(), std::vector{3});
