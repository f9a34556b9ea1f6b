#pragma once
// Rows of a matrix, chosen by the tokens.
#include "cria/expr/expr.hpp"
#include "cria/expr/weight.hpp"

namespace cria {

/// The input of a stage that reads tokens: integers, one for each row.
struct token_ids {};

/// w[token]: w [vocabulary, axis] -> [token, axis].
template <class Tag, class Vocabulary, class A>
constexpr auto embedding(expr<token_ids> ids, weight_t<Tag, Vocabulary, A> w) {
  return expr<shape<tokens, A>>{embedding(leaf(ids.v.g, w))};
}

template <expression X, class W> constexpr auto embedding(X, W) {
  static_assert(std::is_same_v<X, expr<token_ids>>, "embedding(ids, w): ids must be the tokens of a stage that takes token_ids");
  return failed{};
}

}  // namespace cria
