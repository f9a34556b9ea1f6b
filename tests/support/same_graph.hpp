#pragma once
#include "cria/graph/record.hpp"

namespace cria::test {

/// Whether two blocks record the same graph, weights by their names.
template <class A, class B> constexpr bool same_graph() {
  graph const a = record<A>(), b = record<B>();
  bool same = a.count == b.count && a.output_count == b.output_count;
  for (int i = 0; same && i < a.count; ++i) {
    same = a.nodes[i] == b.nodes[i];
    if (same && a.nodes[i].kind == op::weight) same = a.name(i) == b.name(i);
  }
  return same;
}

}  // namespace cria::test
