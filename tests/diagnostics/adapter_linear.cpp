// expect: lora<Linear, Rank, Alpha>: Linear must be a template on the matrix: Linear<Tag, Out, In>
// axis: mine
#include "axes.hpp"
#include "cria/nn/lora.hpp"

struct mine {
  static constexpr auto forward(auto x) { return matmul(x, cria::weight<w1, F, E>); }
};
template struct cria::nn::lora<mine, 8, 16>;
