#pragma once
// Values of the feed-forward slot of a decoder D, which has `embed`, `hidden` and the slot linear: [token, embed] ->
// [token, embed].
#include "cria/expr.hpp"
#include "cria/nn/weights.hpp"

namespace cria::nn {

/// w2(silu(w1 h) * w3 h) (Shazeer 2020, arXiv 2002.05202).
template <class D, class Hidden = typename D::hidden> struct swiglu {
  using E = typename D::embed;
  static constexpr auto forward(auto h) {
    auto gate = silu(D::template linear<w1, Hidden, E>::forward(h));
    return D::template linear<w2, E, Hidden>::forward(gate * D::template linear<w3, Hidden, E>::forward(h));
  }
};

/// w2(gelu(w1 h) * w3 h), gelu by tanh (Shazeer 2020; Gemma).
template <class D, class Hidden = typename D::hidden> struct geglu {
  using E = typename D::embed;
  static constexpr auto forward(auto h) {
    auto gate = gelu_tanh(D::template linear<w1, Hidden, E>::forward(h));
    return D::template linear<w2, E, Hidden>::forward(gate * D::template linear<w3, Hidden, E>::forward(h));
  }
};

/// w2 gelu(w1 h), gelu by tanh (GPT-2).
template <class D, class Hidden = typename D::hidden> struct gelu_mlp {
  using E = typename D::embed;
  static constexpr auto forward(auto h) {
    return D::template linear<w2, E, Hidden>::forward(gelu_tanh(D::template linear<w1, Hidden, E>::forward(h)));
  }
};

}  // namespace cria::nn
