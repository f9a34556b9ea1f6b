#pragma once
#include "cria/expr.hpp"

namespace cria::nn {

/// Root mean square norm over the width of a decoder D, with the weight Tag: [token, embed] -> [token, embed].
/// D has `embed` (an axis) and `norm_eps`.
template <class D, class Tag> struct rms_norm {
  static constexpr auto forward(auto x) { return cria::rms_norm(x, weight<Tag, typename D::embed>, D::norm_eps); }
};

}  // namespace cria::nn
