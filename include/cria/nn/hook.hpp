#pragma once
// The slot hook: places in a decoder where a variant can put an expression of its own. One that it leaves alone is no node.
#include <type_traits>

#include "cria/expr.hpp"
#include "cria/nn/weights.hpp"

namespace cria::nn {

// Where: the names of the places, in the order in which rows come to them. Values are [token, embed].
struct after_embedding { static constexpr char name[] = "after_embedding"; };
struct after_attention { static constexpr char name[] = "after_attention"; };        // before it is added to the residual stream
struct between { static constexpr char name[] = "between"; };                        // the stream with attention's part
struct after_feed_forward { static constexpr char name[] = "after_feed_forward"; };  // before it is added
struct after_layer { static constexpr char name[] = "after_layer"; };                // the stream as the layer returns it
struct after_norm { static constexpr char name[] = "after_norm"; };                  // what the output matrix sees

/// The value of the slot where nothing is hooked in.
template <class D, class Point> struct no_hook {
  static constexpr auto forward(auto x) { return x; }
};

/// x at a place of the variant D, as its slot has it.
template <class D, class Point> constexpr auto hooked(auto x) { return D::template hook<D, Point>::forward(x); }

/// x + w at one place, w [embed] of each layer: a steering vector (Turner et al. 2023, arXiv 2308.10248), 0 in the
/// layers that are not steered. For the slot: `template <class D, class Point> using hook = nn::steered<D, Point,
/// nn::after_layer>;`
struct steering { static constexpr char name[] = "steering"; };
template <class D, class Point, class At> struct steered {
  static constexpr auto forward(auto x) {
    if constexpr (std::is_same_v<Point, At>) return x + weight<steering, typename D::embed>;
    else return x;
  }
};

/// `x` in the session's memory after a step, under the name of the place, at the places At: for the slot as `steered`.
template <class D, class Point, class... At> struct captured_at {
  static constexpr auto forward(auto x) {
    if constexpr ((std::is_same_v<Point, At> || ...)) return capture<Point>(x);
    else return x;
  }
};

}  // namespace cria::nn
