// expect: custom_row<M>(x): M must have a name, a result axis and a static row
#include "axes.hpp"

using namespace cria;

struct softmax {
  static constexpr char name[] = "softmax";
  template <class Team, class Get, class Put> static void row(Team const&, Get const&, Put const&, int) {}
};

struct block {
  using input = rows;
  static constexpr auto forward(auto x) {
    return x + custom_row<softmax>(x);
  }
};

constexpr graph g = record<block>();
