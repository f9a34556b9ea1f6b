#pragma once
// A variant that a user wrote, against what transformers computed, and against the type that typegen writes of the same files.
#include "../forward.hpp"
#include "support/same_graph.hpp"

namespace cria::test {

template <class V, class Generated> void check_variant(std::string const& name) {
  using D = llama2::decoder<V>;
  using G = llama2::decoder<Generated>;
  static_assert(same_graph<typename D::embedding, typename G::embedding>());
  static_assert(same_graph<typename D::block, typename G::block>());
  static_assert(same_graph<typename D::head, typename G::head>());
  forward_case<D, policy::exact<>> c(name);
  c.check_logits();
  c.check_gradients();
}

}  // namespace cria::test
