#pragma once
#include "cria/expr.hpp"
#include "cria/nn/weights.hpp"

namespace cria::nn {

/// Attention with rotary positions, of as many kv heads as query heads or fewer (Touvron et al. 2023, section 2.2):
/// [token, embed] -> [token, embed]. D has `embed`, `query` and `kv` (heads), and `rope_theta`.
template <class D> struct attention {
  using E = typename D::embed;
  using Q = typename D::query;
  using KV = typename D::kv;
  static constexpr auto forward(auto h) {
    auto q = rope(matmul(h, weight<wq, Q, E>), D::rope_theta);
    auto k = rope(matmul(h, weight<wk, KV, E>), D::rope_theta);
    auto v = matmul(h, weight<wv, KV, E>);
    return matmul(cria::attention(q, k, v), weight<wo, E, Q>);
  }
};

}  // namespace cria::nn
