#pragma once
// The graphs of a model as tables and pictures.
#include <string>
#include <string_view>

#include "cria/core/error.hpp"
#include "cria/graph/print.hpp"
#include "cria/graph/training.hpp"
#include "cria/model/decoder.hpp"

namespace cria::llama2 {

namespace detail {

/// Where `name` stands among `names`, the values of an enum.
template <class E, std::size_t N> E named(std::string_view what, std::string_view name, std::string_view const (&names)[N]) {
  std::string expected;
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] == name) return E(i);
    expected += (i > 0 ? ", " : "") + std::string(names[i]);
  }
  throw error(what, "not a " + std::string(what) + " of a graph", expected, name);
}

}  // namespace detail

/// The graphs of decoder D in training, each stage forward and backward, as `graph_text`.
template <class D, class Policy, class Keep = keep::dear, class Trained = train_weights::all>
std::string training_graph_text(std::string_view stage, std::string_view format) {
  using stages = training_stages<D, Policy, Keep, Trained>;
  std::string const layers = ", " + std::to_string(D::layers) + " times, ";
  std::string text;
  graph_printer<std::string> to{text, detail::named<graph_stage>("stage", stage, {"recorded", "fused", "placed"}),
                                detail::named<graph_format>("format", format, {"table", "dot", "mermaid"}), Policy::cache::id};
  to.begin();
  to.print("embedding, forward", plan_of<typename stages::embedding_forward>);
  to.print("block" + layers + "forward, keeps " + std::to_string(stages::block::kept_bytes_per_row) + " bytes a row",
           plan_of<typename stages::block_forward>);
  to.print("head and loss, forward and backward", plan_of<typename stages::head_step>);
  if constexpr (stages::has_backward) to.print("block" + layers + "backward", plan_of<typename stages::block_backward>);
  if constexpr (stages::trains_embedding) to.print("embedding, backward", plan_of<typename stages::embedding_backward>);
  to.end();
  return text;
}

/// The graphs of the three stages of decoder D: `stage` is recorded, fused or placed, `format` table, dot or mermaid.
/// Throws where it is another.
template <class D, class Policy> std::string graph_text(std::string_view stage, std::string_view format) {
  constexpr plan const& embedding = plan_of<forward_of<typename D::embedding, Policy>>;
  constexpr plan const& block = plan_of<forward_of<typename D::block, Policy>>;
  constexpr plan const& head = plan_of<forward_of<typename D::head, Policy>>;
  std::string const blocks = "block, " + std::to_string(D::layers) + " times";
  std::string text;
  graph_printer<std::string> to{text, detail::named<graph_stage>("stage", stage, {"recorded", "fused", "placed"}),
                                detail::named<graph_format>("format", format, {"table", "dot", "mermaid"}), Policy::cache::id};
  to.begin();
  to.print("embedding", embedding), to.print(blocks, block), to.print("head", head);
  to.connect("embedding", embedding, blocks), to.connect(blocks, block, "head");
  to.end();
  return text;
}

}  // namespace cria::llama2
