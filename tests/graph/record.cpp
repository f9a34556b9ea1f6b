#include "cria/graph/record.hpp"

#include <catch2/catch_test_macros.hpp>

#include "cria/expr.hpp"
#include "cria/graph/policy.hpp"
#include "graph/blocks.hpp"

using namespace cria;
using namespace cria::test;

namespace {

/// The index of the only node of a kind.
constexpr int only(graph const& g, op k) {
  int found = -1;
  for (int i = 0; i < g.count; ++i)
    if (g.nodes[i].kind == k) found = i;
  return g.count_of(k) == 1 ? found : -1;
}

struct says_twice : of_rows {
  static constexpr auto forward(auto x) {
    return silu(matmul(x, weight<w1, E, E>)) + silu(matmul(x, weight<w1, E, E>)) * matmul(x, weight<w2, E, E>);
  }
};
struct wastes : of_rows {
  static constexpr auto forward(auto x) {
    auto const unused = silu(matmul(x, weight<w1, H, E>));
    static_cast<void>(unused);
    return matmul(x, weight<w2, E, E>);
  }
};
struct halves {
  static constexpr char name[] = "halves";
  template <class A> using result = axis<wide, A::extent / 2>;
  template <class Team, class Get, class Put> static void row(Team const&, Get const&, Put const&, int) {}
};
struct halves_row : of_rows {
  static constexpr auto forward(auto x) { return custom_row<halves>(map<cube>(x)); }
};
struct two_ropes : of_rows {
  static constexpr auto forward(auto x) {
    auto const q = matmul(x, weight<wq, Q, E>);
    return rope(q, 100.0) + rope(q);
  }
};

}  // namespace

TEST_CASE("recording gives nodes in an order in which they can be computed") {
  constexpr graph g = record<gates>();
  static_assert(g.count == 1 + 2 + 2 + 2);
  static_assert(g.nodes[0].kind == op::input && g.nodes[0].cols == 8 && g.nodes[0].rows == per_token);
  static_assert(g.count_of(op::weight) == 2 && g.count_of(op::matmul) == 2 && g.count_of(op::map) == 2);
  static_assert(g.output_count == 1 && g.outputs[0] == g.count - 1);
  static_assert(g.nodes[g.outputs[0]].f == fn::mul && g.nodes[g.outputs[0]].cols == 12);
  constexpr auto operands_come_first = [](graph const& a) {
    for (int i = 0; i < a.count; ++i)
      for (short j : a.nodes[i].in)
        if (j >= i) return false;
    return true;
  };
  static_assert(operands_come_first(g) && operands_come_first(record<tiny_layer>()));
}

TEST_CASE("weights have the axes and names that the expression gives") {
  constexpr graph g = record<gates>();
  constexpr int w = g.nodes[g.nodes[g.outputs[0]].in[1]].in[1];
  static_assert(g.nodes[w].kind == op::weight && g.name(w) == "w3" && g.nodes[w].rows == 12 && g.nodes[w].cols == 8);
  constexpr graph n = record<norms>();
  static_assert(n.nodes[only(n, op::weight)].rows == 1 && n.name(only(n, op::weight)) == "norm");
  static_assert(with_formats<formats<q4_1, stored<w3, f16>>>(g).nodes[w].type == dtype::f16);
  static_assert(with_formats<formats<q4_1>>(g).nodes[w].type == dtype::q4_1);
  static_assert(with_formats<formats<q4_1>>(n).nodes[only(n, op::weight)].type == dtype::f32, "vectors are always f32");
}

TEST_CASE("equal nodes are one") {
  constexpr graph g = record<says_twice>();
  static_assert(g.count_of(op::matmul) == 2 && g.count_of(op::weight) == 2);
  static_assert(g.count_of(op::map) == 3, "one silu, one product, one sum");
  static_assert(record<norms_twice>().count_of(op::weight) == 1 && record<norms_twice>().count_of(op::row_sum) == 2);
  static_assert(record<two_ropes>().count_of(op::rope) == 2, "another theta is another node");
  static_assert(record<two_ropes>().rotation_count == 2 && record<turns_slowly>().rotation_count == 2);
  graph inputs{};
  CHECK(inputs.add({.kind = op::input, .cols = 8}) != inputs.add({.kind = op::input, .cols = 8}));
}

TEST_CASE("what no output needs is dropped; weights stay") {
  constexpr graph g = record<wastes>();
  static_assert(g.count_of(op::matmul) == 1 && g.count_of(op::map) == 0);
  static_assert(g.count_of(op::weight) == 2);
  static_assert(prune(g).count == g.count);
}

TEST_CASE("an output that is a leaf, or an output already, is copied") {
  constexpr graph g = record<passes>();
  static_assert(g.count == 2 && g.nodes[g.outputs[0]].f == fn::copy && g.nodes[g.outputs[0]].in[0] == 0);
  graph twice = record<squares>();
  int const y = twice.outputs[0];
  twice.output(y);
  REQUIRE(twice.output_count == 2);
  CHECK(twice.outputs[1] != y);
  CHECK(twice.nodes[twice.outputs[1]].in[0] == y);
}

TEST_CASE("a stage that takes tokens has no input node") {
  constexpr graph g = record<looks_up>();
  static_assert(g.count_of(op::input) == 0 && g.count_of(op::embedding) == 1);
  static_assert(g.nodes[only(g, op::embedding)].cols == 8 && g.nodes[only(g, op::weight)].rows == 6);
}

TEST_CASE("heads reach rope and attention") {
  constexpr graph g = record<attends>();
  constexpr node a = g.nodes[only(g, op::attention)];
  static_assert(a.count == 2 && a.kv_count == 1 && a.size == 4 && a.cols == 8);
  static_assert(g.nodes[a.in[0]].cols == 8 && g.nodes[a.in[1]].cols == 4 && g.nodes[a.in[2]].cols == 4);
  static_assert(g.nodes[a.in[1]].kind == op::rope && g.nodes[a.in[1]].size == 4 &&
                g.rotations[g.nodes[a.in[1]].turn].turn.theta == 1e4);
}

TEST_CASE("operators from outside are numbered by the list in the type") {
  static_assert(std::is_same_v<functors_in<cubes>, functors<cube>>);
  static_assert(std::is_same_v<functors_in<tiny_layer>, functors<>>);
  static_assert(std::is_same_v<functors_in<halves_row>, functors<cube, halves>>);
  constexpr graph g = record<halves_row>();
  constexpr node row = g.nodes[only(g, op::custom_row)];
  static_assert(row.functor == 1 && row.cols == 4 && g.name(only(g, op::custom_row)) == "halves");
  static_assert(g.nodes[row.in[0]].functor == 0 && g.nodes[row.in[0]].f == fn::custom);
}
