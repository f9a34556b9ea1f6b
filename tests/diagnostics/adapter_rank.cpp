// expect: lora<Linear, Rank, Alpha>: the rank must be at least 2
#include "axes.hpp"
#include "cria/nn/lora.hpp"

using adapted = cria::nn::lora<cria::nn::linear<w1, F, E>, 1, 2>;
constexpr int rank = adapted::R::extent;
