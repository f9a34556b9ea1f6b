#pragma once
// The linear slot: how a matrix is applied. Tag names the matrix, [Out, In].
#include <type_traits>

#include "cria/expr.hpp"
#include "cria/nn/weights.hpp"

namespace cria::nn {

/// x w^T: [token, In] -> [token, Out].
template <class Tag, class Out, class In> struct linear {
  static constexpr auto forward(auto x) { return matmul(x, weight<Tag, Out, In>); }
};

/// x w^T + b, b [Out] under the name of the matrix with ".bias".
template <class Tag, class Out, class In> struct biased {
  static constexpr auto forward(auto x) { return matmul(x, weight<Tag, Out, In>) + weight<bias<Tag>, Out>; }
};

/// Whether Tag is one of Tags, to choose a slot's value by the matrix.
template <class Tag, class... Tags> inline constexpr bool one_of = (std::is_same_v<Tag, Tags> || ...);

/// `biased` for the matrices named, `linear` for the others: `linear_with_biases<wq, wk, wv>::on<Tag, Out, In>` (Qwen2).
template <class... Tags> struct linear_with_biases {
  template <class Tag, class Out, class In>
  using on = std::conditional_t<one_of<Tag, Tags...>, biased<Tag, Out, In>, linear<Tag, Out, In>>;
};

}  // namespace cria::nn
