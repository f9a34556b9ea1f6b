#include "cria/graph/differentiate.hpp"

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include "cria/graph/record.hpp"
#include "graph/blocks.hpp"
#include "graph/interpreter.hpp"

using namespace cria;
using namespace cria::test;

namespace {

/// Two sequences, of three and of two rows.
step two_sequences() {
  return {{1, 4, 1, 0, 4}, {0, 0, 0, 1, 1}, {0, 1, 2, 0, 1}, [](double x, int part) {
            return part < 0 ? cube::apply(x) : cube::derivative<0>(x);
          }};
}

/// Each gradient that differentiate gives of sum(y dy) against central differences of the forward.
void check_gradients(graph const& forward) {
  step const s = two_sequences();
  graph const backward = differentiate(forward);
  std::vector<matrix> leaves;
  for (int i = 0; i < forward.count; ++i) {
    node const& n = forward.nodes[i];
    if (is_leaf(n)) leaves.push_back(numbers(n.rows == per_token ? s.rows() : n.rows, n.cols, unsigned(i) + 7));
  }
  auto const y_of = [&](std::vector<matrix> const& given) {
    std::size_t k = 0;
    return interpret(forward, s, [&](int) { return given[k++]; })[std::size_t(forward.outputs[0])];
  };
  matrix const y = y_of(leaves), dy = numbers(y.rows, y.cols, 99);
  std::vector<matrix> given = leaves;
  given.push_back(dy);
  std::size_t k = 0;
  // dy comes after the leaves of the forward, in the order of nodes.
  std::vector<matrix> const value = interpret(backward, s, [&](int) { return given[k++]; });
  REQUIRE(k == given.size());
  REQUIRE(std::size_t(backward.output_count) == 1 + leaves.size());
  CHECK(largest_difference(value[std::size_t(backward.outputs[0])], y) < 1e-12);

  for (std::size_t leaf = 0; leaf < leaves.size(); ++leaf) {
    matrix const& found = value[std::size_t(backward.outputs[leaf + 1])];
    matrix expected(leaves[leaf].rows, leaves[leaf].cols);
    for (std::size_t i = 0; i < expected.at.size(); ++i) {
      double const h = 1e-5;
      auto moved = leaves;
      moved[leaf].at[i] += h;
      matrix const up = y_of(moved);
      moved[leaf].at[i] -= 2 * h;
      matrix const down = y_of(moved);
      for (std::size_t j = 0; j < dy.at.size(); ++j) expected.at[i] += (up.at[j] - down.at[j]) / (2 * h) * dy.at[j];
    }
    CAPTURE(leaf);
    CHECK(largest_difference(found, expected) < 1e-7);
  }
}

/// A graph made by hand: f(x), f(x, row) or f(x, row, column), where row is a weight [1, 8] and column comes from x.
template <class F> graph made(F const& f) {
  graph g{};
  var const x{&g, g.add({.kind = op::input, .cols = 8})};
  var const w{&g, g.add({.kind = op::weight, .rows = 1, .cols = 8, .symbol = g.intern({&g, "w"})})};
  g.output(f(x, w).id);
  return prune(g);
}

}  // namespace

TEMPLATE_TEST_CASE("gradients of recorded blocks equal finite differences", "", adds, multiplies, squares, passes,
                   gates, norms, norms_twice, turns, attends, cubes, scales, shares, looks_up, tiny_layer) {
  check_gradients(record<TestType>());
}

TEST_CASE("gradients through broadcasts are summed over rows and columns") {
  check_gradients(made([](var x, var w) { return x + w; }));
  check_gradients(made([](var x, var w) { return x * w; }));
  check_gradients(made([](var x, var w) { return w * x + w; }));
  check_gradients(made([](var x, var w) { return x * row_sum(x * w); }));
  check_gradients(made([](var x, var w) { return row_sum(x) + x * w; }));
  check_gradients(made([](var x, var w) { return rstd(row_sum(x * x), 8, 0.5) * silu(w) * x; }));
}

TEST_CASE("differentiate adds what flows to a value that is used twice, and prunes what nothing needs") {
  constexpr graph g = differentiate(record<squares>());
  // y = x x + x; dx = dy + dy x + dy x, where dy x is one node.
  static_assert(g.output_count == 2);
  static_assert(g.count_of(op::input) == 2);
  static_assert(g.count_of(op::map) == 2 + 3);
  constexpr graph layer = differentiate(record<tiny_layer>());
  static_assert(layer.output_count == 1 + 1 + 9, "y, the input, nine weights");
  static_assert(layer.count_of(op::matmul_dw) == 7 && layer.count_of(op::token_sum) == 2 &&
                layer.count_of(op::attention_back) == 3);
  for (int i = 0; i < layer.count; ++i) {
    bool used = is_leaf(layer.nodes[i]) || layer.output_index(i) >= 0;
    for (int u = i + 1; u < layer.count; ++u)
      for (short j : layer.nodes[u].in) used = used || j == i;
    CHECK(used);
  }
}
