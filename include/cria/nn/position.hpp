#pragma once
// Values of the position slot: where a model learns of a row's position. `at_input` sees the embedded tokens, `rotate`
// queries and keys.
#include "cria/expr.hpp"
#include "cria/nn/weights.hpp"

namespace cria::nn {

/// The rotation of a decoder D: its `rope_scaling`, about its `rope_theta`.
template <class D> constexpr rotation rotation_of() {
  rotation r = D::rope_scaling;
  r.theta = D::rope_theta;
  return r;
}

/// Rotary positions (Su et al. 2021, arXiv 2104.09864).
template <class D> struct rotary {
  static constexpr auto at_input(auto, auto x) { return x; }
  static constexpr auto rotate(auto x) { return rope(x, rotation_of<D>()); }
};

struct context_axis { static constexpr char name[] = "context"; };

/// A learned row for each position up to D::context, added to the token's (Radford et al. 2019, GPT-2).
template <class D> struct learned_positions {
  static constexpr auto at_input(auto ids, auto x) {
    return x + cria::embedding(positions(ids), weight<position_embed, axis<context_axis, D::context>, typename D::embed>);
  }
  static constexpr auto rotate(auto x) { return x; }
};

}  // namespace cria::nn
