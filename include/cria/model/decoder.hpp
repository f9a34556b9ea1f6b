#pragma once
// A decoder: a list of stages, and figures of it that are known before anything runs.
#include "cria/graph/program.hpp"
#include "cria/model/config.hpp"

namespace cria::llama2 {

namespace detail {

/// Values of the weights of a recorded block.
constexpr long long parameters_of(graph const& g) {
  long long n = 0;
  for (int i = 0; i < g.count; ++i)
    if (g.nodes[i].kind == op::weight) n += static_cast<long long>(g.nodes[i].rows) * g.nodes[i].cols;
  return n;
}

}  // namespace detail

/// The model that variant V describes: `embedding`, then `block` `layers` times, then `head`.
template <class V> struct decoder {
  using variant = V;
  using embedding = nn::embedding_stage<V>;
  using block = nn::block_stage<V>;
  using head = nn::head_stage<V>;
  static constexpr int layers = V::layers;

  static_assert(!std::is_same_v<result_of<block>, failed>);

  /// All trained values, a tied embedding counted once.
  static constexpr long long parameter_count =
      detail::parameters_of(record<embedding>()) + layers * detail::parameters_of(record<block>()) + detail::parameters_of(record<head>()) -
      (V::tied ? static_cast<long long>(V::vocabulary::extent) * V::embed::extent : 0);
};

}  // namespace cria::llama2
