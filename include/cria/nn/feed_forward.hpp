#pragma once
#include "cria/expr.hpp"
#include "cria/nn/weights.hpp"

namespace cria::nn {

/// w2(silu(w1 h) * w3 h) (Shazeer 2020, arXiv 2002.05202): [token, embed] -> [token, embed].
template <class Embed, class Hidden> struct swiglu {
  static constexpr auto forward(auto h) {
    return matmul(silu(matmul(h, weight<w1, Hidden, Embed>)) * matmul(h, weight<w3, Hidden, Embed>), weight<w2, Embed, Hidden>);
  }
};

}  // namespace cria::nn
