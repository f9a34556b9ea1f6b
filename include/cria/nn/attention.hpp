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
    auto turned_q = position::rotate(q);  // one by one: compilers differ in which argument they evaluate first
    auto turned_k = position::rotate(k);
    auto v = project<wv, KV>::forward(h);
    return D::template linear<wo, E, Q>::forward(cria::attention(turned_q, turned_k, v, D::window));
  }
  static constexpr auto forward(auto h) {
    auto q = project<wq, Q>::forward(h);
    auto k = project<wk, KV>::forward(h);
    return attend(q, k, h);
  }
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
