#pragma once
// Values of the attention slot.
#include "cria/expr.hpp"
#include "cria/nn/weights.hpp"

namespace cria::nn {

/// Queries and keys go to the rotation as they come from their matrices.
struct plain_heads {
  template <class D, class Tag> static constexpr auto forward(auto x) { return x; }
};

/// Queries and keys are normalised head by head, with the weight Tag.
struct normed_heads {
  struct head_size { static constexpr char name[] = "head_size"; };
  template <class D, class Tag> static constexpr auto forward(auto x) {
    return head_rms_norm(x, weight<Tag, axis<head_size, D::query::size>>, D::norm_eps);
  }
};

/// Attention of as many kv heads as query heads or fewer (Touvron et al. 2023, section 2.2) over the last D::window positions, or
/// over all where that is 0: [token, embed] -> [token, embed]. D has `embed`, `query` and `kv` (heads), and the slots linear and
/// position.
template <class D, class Heads = plain_heads> struct attention {
  using E = typename D::embed;
  using Q = typename D::query;
  using KV = typename D::kv;
  using position = typename D::template position<D>;
  template <class Tag, class Out> using project = typename D::template linear<Tag, Out, E>;

  static constexpr auto forward(auto h) {
    auto q = Heads::template forward<D, q_norm>(project<wq, Q>::forward(h));
    auto k = Heads::template forward<D, k_norm>(project<wk, KV>::forward(h));
    auto turned_q = position::rotate(q);  // one by one: compilers differ in which argument they evaluate first
    auto turned_k = position::rotate(k);
    auto v = project<wv, KV>::forward(h);
    auto a = cria::attention(turned_q, turned_k, v, D::window);
    return D::template linear<wo, E, Q>::forward(a);
  }
};

/// `attention` of normalised queries and keys (Qwen Team 2025, arXiv 2505.09388).
template <class D> using attention_with_norms = attention<D, normed_heads>;

}  // namespace cria::nn
