// expect: capture: one name for one value, and keys and values before attention reads them
#include "axes.hpp"
#include "cria/graph/program.hpp"

using namespace cria;

struct seen {
  static constexpr char name[] = "seen";
};
struct block {
  using input = rows;
  static constexpr auto forward(auto x) { return capture<seen>(silu(capture<seen>(x + x))); }
};

constexpr plan p = forward_of<block, policy::exact<>>::make();
