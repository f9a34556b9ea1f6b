// expect: training: a custom operator needs a derivative
// axis: mirror
#include "axes.hpp"
#include "cria/graph/program.hpp"

using namespace cria;

struct mirror {
  static constexpr char name[] = "mirror";
  template <class A> using result = A;
  template <class Team, class Get, class Put> static void row(Team const& t, Get const& get, Put const& put, int n) {
    t.each(n, [&](int i) { put(i, get(n - 1 - i)); });
  }
};

struct block {
  using input = rows;
  static constexpr auto forward(auto x) { return custom_row<mirror>(x); }
};

constexpr plan p = plan_of<gradient_of<block, policy::exact<>>>;
