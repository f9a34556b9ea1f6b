// The costs of one model's kernels, without the kernels: compiled for each type, as examples/describe.cpp is.
#include "kernel_costs.hpp"

#include "model.hpp"

#include "cria/graph/label.hpp"
#include "cria/graph/program.hpp"

namespace {

using namespace cria;

/// Whether group q multiplies in int8: the policy says so, and its weights are blocks.
constexpr bool in_int8(plan const& p, int q) {
  for (int i = 0; i < p.groups[q].count; ++i) {
    node const& n = p.g.nodes[p.groups[q].nodes[i]];
    if (::policy::int8 && n.kind == op::matmul && facts(p.g.nodes[n.in[1]].type).quantised()) return true;
  }
  return false;
}

template <class Stage> void append(std::vector<support::kernel_facts>& to, int layers) {
  constexpr plan const& p = plan_of<forward_of<Stage, ::policy>>;
  for (int q = 0; q < p.count; ++q)
    to.push_back({std::string(label_of(p, q).view()), layers, is_contraction(p.groups[q].k), in_int8(p, q),
                  cost_of(p, q, ::policy::cache::id)});
}

}  // namespace

std::vector<support::kernel_facts> support::kernels_of_model() {
  using decoder = llama2::decoder<::model>;
  std::vector<kernel_facts> r;
  append<decoder::embedding>(r, 1);
  append<decoder::block>(r, decoder::layers);
  append<decoder::head>(r, 1);
  return r;
}
