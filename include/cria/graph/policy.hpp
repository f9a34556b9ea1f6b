#pragma once
// Policies: the precision of weights, activations, cache and sums, as types. Within a policy everything is equal in every bit.
#include "cria/core/dtype.hpp"
#include "cria/expr/graph.hpp"

namespace cria {

/// The matrix called Tag is stored in Format; `by_layer<...>` where its layers differ.
template <class Tag, class Format> struct stored {};

/// The formats of a model's matrices: a default and exceptions by weight. Vectors are always f32.
template <class Default = f32, class... Exceptions> struct formats;
template <class Default, class... Tag, class... Format> struct formats<Default, stored<Tag, Format>...> {
  static constexpr layer_formats of([[maybe_unused]] void const* key) {
    layer_formats found = Default::id;
    ((key == &key_of<Tag> ? void(found = Format::id) : void()), ...);
    return found;
  }
};

namespace policy {

/// Multiplies with f32 activations, whatever the weights are; for oracles, scoring and training. Cache: the format of keys
/// and values, one of f32, f16, bf16, and on hosts q8_0 (heads whose size is a multiple of 32).
template <class Formats = formats<>, class Cache = f32> struct exact {
  using weights = Formats;
  using cache = Cache;
  static constexpr bool int8 = false;
};

/// Multiplies with activations rounded to int8 in blocks of 32 where the weights are blocks.
template <class Formats = formats<>, class Cache = f16> struct fast {
  using weights = Formats;
  using cache = Cache;
  static constexpr bool int8 = true;
};

}  // namespace policy

/// Writes the formats into the weight nodes of a graph.
template <class Formats> constexpr graph with_formats(graph g) {
  for (int i = 0; i < g.count; ++i) {
    node& n = g.nodes[i];
    if (n.kind == op::weight && n.rows > 1) n.type = Formats::of(g.symbols[n.symbol].key);
  }
  return g;
}

}  // namespace cria
