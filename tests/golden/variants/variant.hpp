#pragma once
// A variant that a user wrote, against what transformers computed, and against the type that typegen writes of the same files.
#include "../forward.hpp"

namespace cria::test {

/// Whether two blocks record the same graph, weights by their names.
template <class A, class B> constexpr bool same_graph() {
  graph const a = record<A>(), b = record<B>();
  bool same = a.count == b.count;
  for (int i = 0; same && i < a.count; ++i) {
    same = a.nodes[i] == b.nodes[i];
    if (same && a.nodes[i].kind == op::weight) same = a.name(i) == b.name(i);
  }
  return same;
}

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
