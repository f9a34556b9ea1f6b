// The kernels' gradients of every operator against finite differences of its forward in f64.
#include <catch2/catch_template_test_macros.hpp>

#include "graph/blocks.hpp"
#include "kernel/runner.hpp"

using namespace cria;
using namespace cria::test;

namespace {

struct odd : llama2::config</*embed*/ 20, 1, /*heads*/ 3, /*kv*/ 1, /*hidden*/ 36, /*vocabulary*/ 21, /*context*/ 80,
                            /*head_dim*/ 10> {};

double cube_or_slope(double x, int part) { return part < 0 ? cube::apply(x) : cube::derivative<0>(x); }

/// d sum(y dy) / d leaf for every leaf of the forward, by central differences.
std::vector<matrix> finite_differences(graph const& forward, step const& s, std::vector<matrix> leaves,
                                       matrix const& dy) {
  auto const objective = [&] {
    std::size_t k = 0;
    auto const y = interpret(forward, s, [&](int) { return leaves[k++]; })[std::size_t(forward.outputs[0])];
    double total = 0;
    for (std::size_t i = 0; i < y.at.size(); ++i) total += y.at[i] * dy.at[i];
    return total;
  };
  std::vector<matrix> d;
  for (auto& leaf : leaves) {
    d.emplace_back(leaf.rows, leaf.cols);
    for (std::size_t i = 0; i < leaf.at.size(); ++i) {
      double const x = leaf.at[i], h = 1e-5;
      leaf.at[i] = x + h;
      double const up = objective();
      leaf.at[i] = x - h;
      d.back().at[i] = (up - objective()) / (2 * h);
      leaf.at[i] = x;
    }
  }
  return d;
}

template <class Block> void check_gradients(std::vector<int> const& lengths) {
  using P = gradient_of<Block, policy::exact<>>;
  constexpr graph forward = record<Block>();
  step s = one_by_one(lengths, 6);
  s.custom = cube_or_slope;
  auto const inputs = runner<P>::inputs(s);  // those of the forward, then dy
  std::vector<matrix> leaves;
  for (int i = 0; i < forward.count; ++i) {  // the backward begins with the nodes of the forward
    if (forward.nodes[i].kind == op::input) leaves.push_back(inputs[0]);
    if (forward.nodes[i].kind == op::weight) leaves.push_back(runner<P>::weight(i));
  }
  runner<P> r(s.rows(), int(lengths.size()), 48);
  auto const found = r.run(s, inputs);
  auto const expected = finite_differences(forward, s, leaves, inputs.back());
  REQUIRE(found.size() == 1 + expected.size());
  for (std::size_t k = 0; k < expected.size(); ++k) {
    INFO("leaf " << k);
    CHECK(relative_difference(found[k + 1], expected[k]) < 1e-5);
  }
}

}  // namespace

TEMPLATE_TEST_CASE("gradients of every operator", "", adds, multiplies, squares, gates, norms, norms_twice, turns,
                   attends, cubes, shares, looks_up) {
  check_gradients<TestType>({1});
  check_gradients<TestType>({7, 1, 33});
}

TEST_CASE("gradients of the stages of a decoder") {
  check_gradients<nn::embedding_stage<odd>>({9, 8});
  check_gradients<nn::block_stage<odd>>({9, 8});
  check_gradients<nn::head_stage<odd>>({9, 8});
}
