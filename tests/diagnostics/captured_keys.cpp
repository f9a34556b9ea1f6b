// expect: capture: one name for one value, and keys and values before attention reads them
#include "axes.hpp"
#include "cria/graph/program.hpp"

using namespace cria;

struct seen {
  static constexpr char name[] = "seen";
};
using H = heads<query, 32, 128>;
struct block {
  using input = rows;
  static constexpr auto forward(auto x) {
    auto k = matmul(x, weight<wk, H, E>);
    auto y = attention(matmul(x, weight<wq, H, E>), k, matmul(x, weight<wv, H, E>));
    return y + capture<seen>(k);
  }
};

constexpr plan p = forward_of<block, policy::exact<>>::make();
