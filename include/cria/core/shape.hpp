#pragma once
// Shapes: axes in order, the slowest first.
#include "cria/core/axis.hpp"

namespace cria {

/// An array's axes, the slowest first: `shape<tokens, axis<embed, 4096>>` is [token, embed].
template <class... Axes> struct shape {
  static constexpr int rank = sizeof...(Axes);
};

template <class A, class B> inline constexpr bool same_shape = std::is_same_v<A, B>;

}  // namespace cria
