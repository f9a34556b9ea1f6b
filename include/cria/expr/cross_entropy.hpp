#pragma once
// The loss of language models.
#include "cria/expr/expr.hpp"

namespace cria {

/// -log softmax(x)[target] in nats, where each row has a target: x [token, vocabulary] -> [token].
template <class T, class A, class... F> constexpr auto cross_entropy(expr<shape<T, A>, F...> x) {
  return expr<shape<T>, F...>{log_sum_exp(x.v) - pick(x.v)};
}

constexpr failed cross_entropy(failed) { return {}; }

}  // namespace cria
