#pragma once
// A model's own forward on plain tensors, with the weights of a checkpoint: the reference for any variant. No Kokkos.
#include "cria/core/quantise.hpp"
#include "cria/expr/plain.hpp"
#include "cria/model/checkpoint.hpp"
#include "cria/model/describe.hpp"

namespace cria::llama2 {

namespace detail {

/// Reads the weights of Stage in one layer into a step.
template <class Stage> void load_plain(plain_step& step, checkpoint const& file, int layer) {
  graph const g = record<Stage>();
  for (int i = 0; i < g.count; ++i) {
    if (g.nodes[i].kind != op::weight) continue;
    auto const w = file.read(g.name(i), layer);
    std::vector<float> values(std::size_t(w.shape[0]) * std::size_t(w.shape[1]));
    decode(w.format, w.bytes, values);
    step.weights[std::string(g.name(i))].assign(values.begin(), values.end());
  }
}

}  // namespace detail

/// The logits of decoder D in f64, [token, vocabulary], for the rows of `step`, whose weights are overwritten.
template <class D>
plain<shape<tokens, typename D::variant::vocabulary>> plain_logits(checkpoint const& file, plain_step& step) {
  detail::load_plain<typename D::embedding>(step, file, 0);
  auto x = D::embedding::forward(plain<token_ids>{&step});
  for (int layer = 0; layer < D::layers; ++layer) {
    detail::load_plain<typename D::block>(step, file, layer);
    x = D::block::forward(x);
  }
  detail::load_plain<typename D::head>(step, file, 0);
  return D::head::forward(x);
}

}  // namespace cria::llama2
