#pragma once
// Values of the slots embedding and head of a decoder D, which has `vocabulary` and `embed`.
#include "cria/expr.hpp"
#include "cria/nn/weights.hpp"

namespace cria::nn {

/// Rows of the embedding, chosen by the tokens: -> [token, embed].
template <class D> struct token_embedding {
  static constexpr auto forward(auto ids) {
    return cria::embedding(ids, weight<embed, typename D::vocabulary, typename D::embed>);
  }
};

/// `token_embedding` times D::embedding_scale.
template <class D> struct scaled_embedding {
  static constexpr auto forward(auto ids) { return token_embedding<D>::forward(ids) * D::embedding_scale; }
};

/// The square root of a width, for Gemma's `embedding_scale`, by Newton's rule: std::sqrt is no constant expression.
constexpr double root(double n) {
  double x = n;
  for (double next = (x + n / x) / 2; next < x; next = (x + n / x) / 2) x = next;
  return x;
}

/// The output matrix, which is the embedding where D::tied: [token, embed] -> [token, vocabulary].
template <class D> struct output_head {
  static constexpr auto forward(auto x) {
    using tag = std::conditional_t<D::tied, embed, head>;
    return matmul(x, weight<tag, typename D::vocabulary, typename D::embed>);
  }
};

}  // namespace cria::nn
