#pragma once
// Values of the normalisation slot, over the width of a decoder D, which has `embed` (an axis) and `norm_eps`.
#include "cria/expr.hpp"
#include "cria/nn/weights.hpp"

namespace cria::nn {

/// Root mean square norm with the weight Tag (Zhang and Sennrich 2019, arXiv 1910.07467): [token, embed] -> [token, embed].
template <class D, class Tag> struct rms_norm {
  static constexpr auto forward(auto x) { return cria::rms_norm(x, weight<Tag, typename D::embed>, D::norm_eps); }
};

/// Root mean square norm times 1 + w, as Gemma stores it (Gemma Team 2024, arXiv 2403.08295): [token, embed] -> [token, embed].
template <class D, class Tag> struct rms_norm_plus_one {
  static constexpr auto forward(auto x) {
    auto const n = normalise(x, D::norm_eps);
    return n + n * weight<Tag, typename D::embed>;
  }
};

/// Layer norm with the weight Tag and its bias (Ba et al. 2016, arXiv 1607.06450): [token, embed] -> [token, embed].
template <class D, class Tag> struct layer_norm {
  static constexpr auto forward(auto x) {
    return cria::layer_norm(x, weight<Tag, typename D::embed>, weight<bias<Tag>, typename D::embed>, D::norm_eps);
  }
};

}  // namespace cria::nn
