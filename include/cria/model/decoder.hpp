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
  enum : bool { fits = nn::slots<V>::fit };
  using rows = shape<tokens, typename V::embed>;
  using embedding = std::conditional_t<fits, nn::embedding_stage<V>, nn::failed_stage<token_ids>>;  // tokens -> [token, embed]
  using block = std::conditional_t<fits, nn::block_stage<V>, nn::failed_stage<rows>>;  // one layer: [token, embed] -> the same
  using head = std::conditional_t<fits, nn::head_stage<V>, nn::failed_stage<rows>>;    // [token, embed] -> [token, vocabulary]
  static constexpr int layers = V::layers;  // how often the block runs, each time with weights of its own

  /// All trained values, a tied embedding counted once.
  static constexpr long long parameter_count = detail::parameters_of<embedding>() +
                                               layers * detail::parameters_of<block>() +
                                               detail::parameters_of<head>(record<embedding>());

  static_assert(nn::has_slots<V>, "decoder<V>: each slot of V must be a template with the parameters that config has");
};

}  // namespace cria::llama2
