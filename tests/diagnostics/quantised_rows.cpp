// expect: formats: the last axis of a quantised weight must be a multiple of its block, 32 or 256
#include "axes.hpp"
#include "cria/graph/program.hpp"

using namespace cria;

struct block {
  using input = shape<tokens, axis<embed, 72>>;
  static constexpr auto forward(auto x) { return x + matmul(x, weight<w1, axis<embed, 72>, axis<embed, 72>>); }
};

constexpr plan p = plan_of<forward_of<block, policy::fast<formats<q4_0>>>>;
