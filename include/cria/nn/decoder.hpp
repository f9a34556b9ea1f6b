#pragma once
// The three stages of a decoder, made of the slots of a variant D.
#include "cria/expr.hpp"
#include "cria/nn/hook.hpp"
#include "cria/nn/weights.hpp"

namespace cria::nn {

/// A value of the residual slot, which is the layer: x + attention(norm(x)), then + feed_forward(norm(.)), as in GPT-2 and Llama.
template <class D> struct pre_norm {
  template <class Tag> using norm = typename D::template norm<D, Tag>;
  static constexpr auto forward(auto x) {
    auto n = norm<attention_norm>::forward(x);
    auto a = D::template attention<D>::forward(n);
    auto b = hooked<D, after_attention>(a);
    auto h = hooked<D, between>(x + b);
    auto m = norm<ffn_norm>::forward(h);
    auto f = D::template feed_forward<D>::forward(m);
    return hooked<D, after_layer>(h + hooked<D, after_feed_forward>(f));
  }
};

/// Tokens, and positions where they are added here: -> [token, embed].
template <class D> struct embedding_stage {
  using input = token_ids;
  static constexpr auto forward(auto ids) {
    return hooked<D, after_embedding>(D::template position<D>::at_input(ids, D::template embedding<D>::forward(ids)));
  }
};

/// One layer: [token, embed] -> [token, embed]. The slot is the base, not a member: a wrong shape is told in a line less.
template <class D> struct block_stage : D::template residual<D> {
  using input = shape<tokens, typename D::embed>;
};

/// The last norm and the output matrix: -> [token, vocabulary].
template <class D> struct head_stage {
  using input = shape<tokens, typename D::embed>;
  static constexpr auto forward(auto x) {
    return D::template head<D>::forward(hooked<D, after_norm>(D::template norm<D, norm>::forward(x)));
  }
};

}  // namespace cria::nn
