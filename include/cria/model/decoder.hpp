#pragma once
// A decoder: a list of stages, and figures of it that are known before anything runs.
#include "cria/expr.hpp"
#include "cria/graph/program.hpp"
#include "cria/model/config.hpp"

namespace cria::llama2 {

namespace detail {

/// Whether a graph has a weight of this name.
constexpr bool has_weight(graph const& g, std::string_view name) {
  for (int i = 0; i < g.count; ++i)
    if (g.nodes[i].kind == op::weight && g.name(i) == name) return true;
  return false;
}

/// Values of the weights of a block that `but` doesn't have.
template <class Block> constexpr long long parameters_of(graph const& but = graph{}) {
  graph const g = record<Block>();
  long long n = 0;
  for (int i = 0; i < g.count; ++i)
    if (g.nodes[i].kind == op::weight && !has_weight(but, g.name(i)))
      n += static_cast<long long>(g.nodes[i].rows) * g.nodes[i].cols;
  return n;
}

}  // namespace detail

/// The model that variant V describes: `embedding`, then `block` `layers` times, then `head`.
template <class V> struct decoder {
  using variant = V;                         // its slots and constants
  using embedding = nn::embedding_stage<V>;  // tokens -> [token, embed]
  using block = nn::block_stage<V>;          // one layer: [token, embed] -> [token, embed]
  using head = nn::head_stage<V>;            // [token, embed] -> [token, vocabulary]
  static constexpr int layers = V::layers;   // how often the block runs, each time with weights of its own

  using rows = expr<typename block::input>;
  using result = decltype(block::forward(rows{}));
  static_assert(same_rows<rows, result>, "a repeated block must return the axes that it takes");

  /// All trained values, a tied embedding counted once.
  static constexpr long long parameter_count = detail::parameters_of<embedding>() +
                                               layers * detail::parameters_of<block>() +
                                               detail::parameters_of<head>(record<embedding>());
};

}  // namespace cria::llama2
