#pragma once
// Values that a program keeps for whoever looks on.
#include "cria/expr/expr.hpp"

namespace cria {

/// x, which after a step is also in memory under the name Tag (`session::captured<Tag>`). In training it is x alone.
template <class Tag, class S, class... F>
constexpr auto capture(expr<S, F...> x) {
  x.v.g->capture(x.v.g->intern({&key_of<Tag>, Tag::name}), x.v.id);
  return x;
}

template <class Tag>
constexpr failed capture(failed) {
  return {};
}

}  // namespace cria
