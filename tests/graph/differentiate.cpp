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
  auto const cubed = [](double x, int part) { return part < 0 ? cube::apply(x) : cube::derivative<0>(x); };
  return {{1, 4, 1, 0, 4}, {0, 0, 0, 1, 1}, {0, 1, 2, 0, 1}, cubed, {3, 0, 11, 7, 3}};
}

/// The leaf of a forward that output k of its gradients belongs to, among the leaves.
std::size_t leaf_of(graph const& g, int k) {
  std::size_t n = 0;
  for (int i = 0; i < g.leaf_of[k]; ++i) n += is_leaf(g.nodes[i]);
  return n;
}

/// Each gradient that differentiate gives of sum(y dy) against central differences of the forward.
void check_gradients(graph const& forward) {
  step const s = two_sequences();
  gradient_graph const d = differentiate<train_weights::all>(forward, true);
  REQUIRE(!d.g.full);
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
  std::vector<matrix> const value = interpret(d.g, s, [&](int) { return given[k++]; });
  REQUIRE(k == given.size());
  CHECK(largest_difference(value[std::size_t(d.value)], y) < 1e-12);

  // A weight that is used twice has two gradients.
  std::vector<matrix> found(leaves.size());
  for (int o = 0; o < d.g.output_count; ++o) {
    matrix& sum = found[leaf_of(d.g, o)];
    matrix const& part = value[std::size_t(d.g.outputs[o])];
    if (sum.at.empty()) sum = matrix(part.rows, part.cols);
    for (std::size_t i = 0; i < part.at.size(); ++i) sum.at[i] += part.at[i];
  }
  for (std::size_t leaf = 0; leaf < leaves.size(); ++leaf) {
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
    CHECK(largest_difference(found[leaf], expected) < 1e-7);
  }
}

/// A graph made by hand: f(x), f(x, row) or f(x, row, column), where row is a weight [1, 8] and column comes from x.
template <class F>
graph made(F const& f) {
  graph g{};
  var const x{&g, g.add({.kind = op::input, .cols = 8})};
  var const w{&g, g.add({.kind = op::weight, .rows = 1, .cols = 8, .symbol = g.intern({&g, "w"})})};
  g.output(f(x, w).id);
  return prune(g);
}

}  // namespace

TEMPLATE_TEST_CASE("gradients of recorded blocks equal finite differences", "", adds, multiplies, squares, passes, gates, norms,
                   norms_twice, turns, turns_slowly, attends, attends_near, cubes, scales, shares, looks_up, places, centres,
                   stretches, gates_smoothly, loses, tiny_layer, biased_layer, heads_with_norms, norms_heads) {
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

TEST_CASE("differentiate adds what flows to a value that is used twice") {
  constexpr gradient_graph d = differentiate<train_weights::all>(record<squares>(), true);
  // y = x x + x; dx = dy + dy x + dy x, where dy x is one node.
  static_assert(d.g.output_count == 1 && d.g.nodes[d.g.leaf_of[0]].kind == op::input);
  static_assert(d.g.count_of(op::input) == 2);
  static_assert(d.g.count_of(op::map) == 2 + 3);
}

TEST_CASE("every weight has a gradient of its own, and of a row's gradients there is one contraction") {
  constexpr gradient_graph d = differentiate<train_weights::all>(record<tiny_layer>(), true);
  static_assert(d.g.output_count == 1 + 9, "the input, nine weights");
  static_assert(d.g.count_of(op::matmul_dw) == 7 && d.g.count_of(op::token_sum) == 2 &&
                d.g.count_of(op::attention_back) == 3);
  static_assert(d.g.count_of(op::attention_lse) == 1);
  constexpr graph step = whole_step(d, {});
  static_assert(step.output_count == 1 + 1 + 9 && step.leaf_of[0] == -1, "the value, then the gradients");
  // Of q, k and v together, of w1 and w3 together, of wo, of w2.
  static_assert(step.count_of(op::matmul_dx) == 4);
  int pairs = 0;
  for (int i = 0; i < step.count; ++i)
    if (step.nodes[i].kind == op::matmul_dx) pairs += step.nodes[i].arity() / 2;
  CHECK(pairs == 7);
  for (int k = 0; k < step.output_count; ++k) {
    bool const of_weight = step.leaf_of[k] >= 0 && step.nodes[step.leaf_of[k]].kind == op::weight;
    CHECK(accumulates(step, k) == of_weight);
    if (step.leaf_of[k] < 0) continue;
    node const &leaf = step.nodes[step.leaf_of[k]], &gradient = step.nodes[step.outputs[k]];
    CHECK((gradient.rows == leaf.rows && gradient.cols == leaf.cols));
  }
  for (int i = 0; i < step.count; ++i) {
    bool used = is_leaf(step.nodes[i]) || step.output_index(i) >= 0;
    for (int u = i + 1; u < step.count; ++u)
      for (short j : step.nodes[u].in) used = used || j == i;
    CHECK(used);
  }
}

TEST_CASE("a weight that is read twice has two gradients, added in memory") {
  constexpr gradient_graph d = differentiate<train_weights::all>(record<shares>(), false);
  static_assert(d.g.output_count == 2 && d.g.leaf_of[0] == d.g.leaf_of[1]);
  static_assert(accumulates(d.g, 0) && accumulates(d.g, 1));
}

TEST_CASE("an operator without a rule is an error where a gradient should go through it, and only there") {
  graph const slope = made([](var x, var w) { return map(fn::silu_slope, x) * w; });
  gradient_graph const d = differentiate<train_weights::all>(slope, true);
  REQUIRE(d.without_rule >= 0);
  CHECK(d.g.nodes[d.without_rule].f == fn::silu_slope);
  CHECK(differentiate<train_weights::all>(slope, false).without_rule < 0);  // the input's gradient isn't wanted
  gradient_graph const back =
      differentiate<train_weights::all>(made([](var x, var w) { return pick_back(row_sum(x), 8) + w; }), true);
  REQUIRE(back.without_rule >= 0);
  CHECK(back.g.nodes[back.without_rule].kind == op::pick_back);
}

TEST_CASE("what is not trained has no gradient, and nothing is computed for it") {
  using only_wo = train_weights::only<wo>;
  constexpr graph wo_alone = backward_part(differentiate<only_wo>(record<tiny_layer>(), false), {});
  static_assert(wo_alone.output_count == 1 && wo_alone.name(wo_alone.leaf_of[0]) == "wo");
  static_assert(wo_alone.count_of(op::matmul_dw) == 1 && wo_alone.count_of(op::token_sum) == 0);
  static_assert(wo_alone.count_of(op::attention_back) == 0, "nothing behind wo wants a gradient");
  static_assert(wo_alone.count_of(op::matmul_dx) == 2, "through w2, and through w1 and w3");
  // dv is wanted, dq and dk are not.
  constexpr graph wv_alone = backward_part(differentiate<train_weights::only<wv>>(record<tiny_layer>(), false), {});
  static_assert(wv_alone.count_of(op::attention_back) == 1 && wv_alone.count_of(op::matmul_dw) == 1);
  static_assert(wv_alone.count_of(op::matmul_dx) == 3);
  constexpr gradient_graph none = differentiate<train_weights::only<>>(record<tiny_layer>(), false);
  static_assert(none.g.output_count == 0 && none.g.count_of(op::matmul_dx) == 0);
  constexpr graph frozen = backward_part(differentiate<train_weights::only<>>(record<tiny_layer>(), true), {});
  static_assert(frozen.output_count == 1 && frozen.count_of(op::matmul_dw) == 0 && frozen.count_of(op::matmul_dx) == 4);
}
