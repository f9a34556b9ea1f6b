#pragma once
// The three stages of a decoder, made of the slots of a variant D.
#include "cria/expr.hpp"
#include "cria/nn/weights.hpp"

namespace cria::nn {

/// Rows of the embedding, chosen by the tokens: -> [token, embed].
template <class D> struct embedding_stage {
  using input = token_ids;
  static constexpr auto forward(auto ids) { return embedding(ids, weight<embed, typename D::vocabulary, typename D::embed>); }
};

/// One layer: x + attention(norm(x)), then + feed_forward(norm(.)): [token, embed] -> [token, embed].
template <class D> struct block_stage {
  using input = shape<tokens, typename D::embed>;
  using attention = typename D::template attention<D>;
  using feed_forward = typename D::template feed_forward<D>;
  template <class Tag> using norm = typename D::template norm<D, Tag>;
  static constexpr auto forward(auto x) {
    auto h = x + attention::forward(norm<attention_norm>::forward(x));
    return h + feed_forward::forward(norm<ffn_norm>::forward(h));
  }
};

/// The last norm and the output head, which is the embedding where the variant ties them: -> [token, vocabulary].
template <class D> struct head_stage {
  using input = shape<tokens, typename D::embed>;
  static constexpr auto forward(auto x) {
    auto h = D::template norm<D, norm>::forward(x);
    if constexpr (D::tied) return matmul(h, weight<embed, typename D::vocabulary, typename D::embed>);
    else return matmul(h, weight<head, typename D::vocabulary, typename D::embed>);
  }
};

}  // namespace cria::nn
