#pragma once
// Values of the attention slot.
#include "cria/expr.hpp"
#include "cria/nn/weights.hpp"

namespace cria::nn {

/// Attention of as many kv heads as query heads or fewer (Touvron et al. 2023, section 2.2) over the last D::window positions, or
/// over all where that is 0: [token, embed] -> [token, embed]. D has `embed`, `query` and `kv` (heads), and the slots linear and
/// position.
template <class D> struct attention {
  using E = typename D::embed;
  using Q = typename D::query;
  using KV = typename D::kv;
  using position = typename D::template position<D>;
  template <class Tag, class Out> using project = typename D::template linear<Tag, Out, E>;

  /// What is attended to: queries and keys as they come to the rotation.
  static constexpr auto attend(auto q, auto k, auto h) {
    auto v = project<wv, KV>::forward(h);
    auto a = cria::attention(position::rotate(q), position::rotate(k), v, D::window);
    return D::template linear<wo, E, Q>::forward(a);
  }
  static constexpr auto forward(auto h) { return attend(project<wq, Q>::forward(h), project<wk, KV>::forward(h), h); }
};

/// `attention` whose queries and keys are normalised head by head before they are rotated (Qwen Team 2025, arXiv 2505.09388).
template <class D> struct attention_with_norms {
  static constexpr auto forward(auto h) {
    using plain = attention<D>;
    using size = axis<head_size, D::query::size>;
    auto q = head_rms_norm(plain::template project<wq, typename D::query>::forward(h), weight<q_norm, size>, D::norm_eps);
    auto k = head_rms_norm(plain::template project<wk, typename D::kv>::forward(h), weight<k_norm, size>, D::norm_eps);
    return plain::attend(q, k, h);
  }
  struct head_size { static constexpr char name[] = "head_size"; };
};

}  // namespace cria::nn
