#pragma once
// Rows of a matrix, chosen by the tokens or by their positions.
#include "cria/expr/expr.hpp"
#include "cria/expr/weight.hpp"

namespace cria {

/// The input of a stage that reads tokens: integers, one for each row.
struct token_ids {};
/// Where the tokens stand in their sequences, from 0 on.
struct position_ids {};

constexpr expr<position_ids> positions(expr<token_ids> ids) { return {ids.v}; }

/// w[token]: w [vocabulary, axis] -> [token, axis].
template <class Tag, class Vocabulary, class A>
constexpr auto embedding(expr<token_ids> ids, weight_t<Tag, Vocabulary, A> w) {
  return expr<shape<tokens, A>>{embedding(leaf(ids.v.g, w), chosen_by::token)};
}

/// w[position], learned positions (Radford et al. 2019): w [positions, axis] -> [token, axis]. Sessions and trainers
/// refuse a position that w has no row for.
template <class Tag, class Context, class A>
constexpr auto embedding(expr<position_ids> ids, weight_t<Tag, Context, A> w) {
  return expr<shape<tokens, A>>{embedding(leaf(ids.v.g, w), chosen_by::position)};
}

template <expression X, class W> constexpr auto embedding(X, W) {
  static_assert(std::is_same_v<X, expr<token_ids>> || std::is_same_v<X, expr<position_ids>>,
                "embedding(ids, w): ids must be the tokens of a stage that takes token_ids");
  return failed{};
}
template <expression X> constexpr auto positions(X) {
  static_assert(std::is_same_v<X, expr<token_ids>>, "positions(ids): ids must be the tokens of a stage that takes token_ids");
  return failed{};
}

template <class W> constexpr failed embedding(failed, W) { return {}; }
constexpr failed positions(failed) { return {}; }

}  // namespace cria
