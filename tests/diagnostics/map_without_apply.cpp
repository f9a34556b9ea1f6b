// expect: map<M>(x): M must have a name and a static apply(float) that returns a float
#include "axes.hpp"

using namespace cria;

struct square {
  static constexpr char name[] = "square";
  static float call(float x) { return x * x; }  // apply
};

struct block {
  using input = rows;
  static constexpr auto forward(auto x) {
    return x + map<square>(x);
  }
};

constexpr graph g = record<block>();
