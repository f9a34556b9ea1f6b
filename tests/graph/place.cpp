#include "cria/graph/place.hpp"

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include "cria/graph/program.hpp"
#include "graph/blocks.hpp"

using namespace cria;
using namespace cria::test;

namespace {

template <class Block>
constexpr plan forward_plan = plan_of<forward_of<Block, policy::exact<>>>;
template <class Block>
constexpr plan gradient_plan = plan_of<gradient_of<Block, policy::exact<>>>;

/// The place of the node of a kind with a given number of columns; the first.
constexpr spot place_of(plan const& p, op k, int cols) {
  for (int i = 0; i < p.g.count; ++i)
    if (p.g.nodes[i].kind == k && p.g.nodes[i].cols == cols) return p.where[i];
  return {};
}

/// Whether kernel q reads value i, found by walking every path from what it computes.
bool reads(plan const& p, int q, int i) {
  auto const walk = [&](auto const& self, int from) -> bool {
    for (short j : p.g.nodes[from].in) {
      if (j < 0) continue;
      if (j == i && p.home[j] != q) return true;
      if (!is_leaf(p.g.nodes[j]) && p.home[j] < 0 && self(self, j)) return true;
    }
    return false;
  };
  for (int n = 0; n < p.groups[q].count; ++n)
    if (walk(walk, p.groups[q].nodes[n])) return true;
  return false;
}

void check_places(plan const& p) {
  struct extent {
    int node, begin, end, first, last;
  };
  std::vector<extent> work, fixed;
  for (int i = 0; i < p.g.count; ++i) {
    node const& n = p.g.nodes[i];
    CHECK((p.where[i].at != region::none) == (is_leaf(n) || p.stored[i]));
    if (p.where[i].at != region::work && p.where[i].at != region::fixed) continue;
    int last = p.home[i];
    for (int q = 0; q < p.count; ++q)
      if (reads(p, q, i)) last = q;
    bool const once = p.where[i].at == region::fixed;
    (once ? fixed : work)
        .push_back({i, p.where[i].index, p.where[i].index + (once ? n.rows : 1) * n.cols, p.home[i], last});
    CHECK(p.where[i].index >= 0);
    CHECK((once ? fixed : work).back().end <= (once ? p.fixed : p.work));
  }
  for (auto const& a : work)
    for (auto const& b : work)
      if (a.node != b.node && a.first <= b.last && b.first <= a.last) CHECK((a.end <= b.begin || b.end <= a.begin));
  for (auto const& a : fixed)
    for (auto const& b : fixed)
      if (a.node != b.node) CHECK((a.end <= b.begin || b.end <= a.begin));
}

}  // namespace

TEMPLATE_TEST_CASE("values that live at the same time don't share memory", "", adds, multiplies, norms, norms_twice,
                   attends, cubes, scales, shares, looks_up, loses, tiny_layer, block_stage<llama2::config_7b>,
                   block_stage<llama2::config_70b>, head_stage<llama2::config_smollm2_135m>) {
  check_places(forward_plan<TestType>);
  check_places(gradient_plan<TestType>);
  gradient_graph const d = differentiate<train_weights::all>(record<TestType>(), true);
  for (cria::detail::node_set const& kept : {keep::everything::of(d), keep::dear::of(d)})
    check_places(place(fuse(forward_part(d, kept)), false)), check_places(place(fuse(backward_part(d, kept)), false));
}

TEST_CASE("a layer's workspace is reused where lives don't overlap") {
  constexpr plan p = forward_plan<block_stage<llama2::config_7b>>;
  // q; attention; the residual takes q's place; swiglu stands beside it, over attention's.
  static_assert(place_of(p, op::rope, 4096).at == region::work && place_of(p, op::rope, 4096).index == 0);
  static_assert(place_of(p, op::attention, 4096).index == 4096);
  static_assert(p.work == 4096 + 11008);
  static_assert(p.fixed == 0);
}

TEST_CASE("keys and values are in the cache when it is inference, in the workspace when it is training") {
  constexpr plan p = forward_plan<block_stage<llama2::config_70b>>;
  static_assert(place_of(p, op::rope, 1024).at == region::key_cache &&
                place_of(p, op::matmul, 1024).at == region::none);
  for (int i = 0; i < p.g.count; ++i)
    if (p.g.nodes[i].kind == op::attention) {
      CHECK(p.where[p.g.nodes[i].in[1]].at == region::key_cache);
      CHECK(p.where[p.g.nodes[i].in[2]].at == region::value_cache);
    }
  constexpr plan b = gradient_plan<block_stage<llama2::config_70b>>;
  for (int i = 0; i < b.g.count; ++i)
    CHECK((b.where[i].at != region::key_cache && b.where[i].at != region::value_cache));
}

TEST_CASE("inputs, weights and outputs are counted in the order of their nodes") {
  constexpr plan p = gradient_plan<tiny_layer>;
  int inputs = 0, weights = 0;
  for (int i = 0; i < p.g.count; ++i) {
    if (p.g.nodes[i].kind == op::input) CHECK((p.where[i].at == region::input && p.where[i].index == inputs++));
    if (p.g.nodes[i].kind == op::weight) CHECK((p.where[i].at == region::weight && p.where[i].index == weights++));
  }
  CHECK(inputs == 2);
  CHECK(weights == 9);
  for (int o = 0; o < p.g.output_count; ++o)
    CHECK((p.where[p.g.outputs[o]].at == region::output && p.where[p.g.outputs[o]].index == o));
}

TEST_CASE("what a forward keeps are its outputs after the result, and the backward's inputs in the same order") {
  using training = training_of<tiny_layer, policy::exact<>>;
  constexpr graph const &f = plan_of<training_forward<training>>.g, &b = plan_of<training_backward<training>>.g;
  int kept = 0;
  for (int i = 0; i < b.count; ++i) {
    node const& n = b.nodes[i];
    if (n.kind != op::input || n.part < 0) continue;
    CHECK(n.part == kept++);
    CHECK(f.nodes[f.outputs[kept]].cols == n.cols);
  }
  CHECK(kept == f.output_count - 1);
  std::size_t floats = 0;
  for (int k = 1; k < f.output_count; ++k) floats += std::size_t(f.nodes[f.outputs[k]].cols);
  CHECK(floats * sizeof(float) == training::kept_bytes_per_row);
}
