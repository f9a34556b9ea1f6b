#include "cria/graph/cost.hpp"

#include <catch2/catch_test_macros.hpp>

#include "cria/graph/program.hpp"
#include "graph/blocks.hpp"

using namespace cria;
using namespace cria::test;

namespace {

template <class Formats>
constexpr plan layer_7b = plan_of<forward_of<block_stage<llama2::config_7b>, policy::fast<Formats>>>;

}  // namespace

// The figures are counted by hand: E = 4096, F = 11008, 32 heads of 128. A sum or product of maps is one operation,
// rstd four, rope three, silu 24, a product and a sum of a contraction two.
TEST_CASE("operations of the kernels of a 7B layer") {
  constexpr plan const& p = layer_7b<formats<f32>>;
  constexpr double E = 4096, F = 11008;
  constexpr double norm = E + E + 4 + E + E;  // x x, their sum, rstd, x rstd, times the weight
  static_assert(cost_of(p, 0, dtype::f16).flops_per_row == norm + 3 * 2 * E * E + 2 * 3 * E);
  static_assert(cost_of(p, 1, dtype::f16).flops_per_row == 0 &&
                cost_of(p, 1, dtype::f16).flops_per_position == 2 * 2 * E);
  static_assert(cost_of(p, 2, dtype::f16).flops_per_row == 2 * E * E + E);
  static_assert(cost_of(p, 3, dtype::f16).flops_per_row == norm + 2 * 2 * E * F + 25 * F);
  static_assert(cost_of(p, 4, dtype::f16).flops_per_row == 2 * E * F + E);
}

TEST_CASE("bytes of the kernels of a 7B layer") {
  constexpr plan const& p = layer_7b<formats<q4_0>>;
  constexpr double E = 4096, F = 11008, q4 = 18.0 / 32;
  static_assert(cost_of(p, 0, dtype::f16).weight_bytes == 3 * E * E * q4 + 4 * E);
  static_assert(cost_of(p, 0, dtype::f16).bytes_per_row == 4 * E + 4 * E + 2 * 2 * E,
                "x and q in f32, k and v to the cache in f16");
  static_assert(cost_of(p, 1, dtype::f16).weight_bytes == 0 && cost_of(p, 1, dtype::f16).bytes_per_row == 2 * 4 * E);
  static_assert(cost_of(p, 1, dtype::f16).cache_bytes_per_position == 2 * 2 * E &&
                cost_of(p, 1, dtype::f32).cache_bytes_per_position == 2 * 4 * E);
  static_assert(cost_of(p, 2, dtype::f16).bytes_per_row == 3 * 4 * E, "attention, residual, sum");
  static_assert(cost_of(p, 3, dtype::f16).weight_bytes == 2 * E * F * q4 + 4 * E);
  static_assert(cost_of(p, 4, dtype::f16).weight_bytes == E * F * q4 &&
                cost_of(p, 4, dtype::f16).bytes_per_row == 4 * (F + 2 * E));
}

TEST_CASE("a model's figures are the sums of its kernels'") {
  constexpr kernel_cost layer = cost_of(layer_7b<formats<f16>>, dtype::f16);
  constexpr kernel_cost head =
      cost_of(plan_of<forward_of<head_stage<llama2::config_7b>, policy::fast<formats<f16>>>>, dtype::f16);
  constexpr double E = 4096, F = 11008, V = 32000;
  // 2 operations for each of the 6 607 077 376 values that are multiplied, and what stands around: 0.03 %.
  constexpr double contractions = 2 * (32 * (4 * E * E + 3 * E * F) + V * E);
  static_assert(contractions == 13'214'154'752.0);
  static_assert(32 * layer.flops_per_row + head.flops_per_row > contractions);
  static_assert(32 * layer.flops_per_row + head.flops_per_row < 1.002 * contractions);
  static_assert(32 * layer.weight_bytes + head.weight_bytes == contractions + 4 * (65 * E),
                "two bytes a value; norms are f32");
  static_assert(32 * layer.cache_bytes_per_position == 524'288, "half a megabyte for each position");
}

TEST_CASE("grouped-query attention reads fewer bytes for the same operations") {
  constexpr kernel_cost c = cost_of(plan_of<forward_of<block_stage<llama2::config_70b>, policy::fast<>>>, dtype::f16);
  static_assert(c.cache_bytes_per_position == 2 * 2 * 1024 && c.flops_per_position == 4 * 8192);
}

namespace {

/// A map and a row operator from outside that say what they cost.
struct dear_map {
  static constexpr char name[] = "dear";
  static constexpr double flops = 1000;
  static constexpr float apply(float x) { return x; }
};
struct dear_row {
  static constexpr char name[] = "dear_row";
  template <class A> using result = A;
  static constexpr double flops(int n) { return 5.0 * n * n; }
  template <class Team, class Get, class Put> static void row(Team const&, Get const&, Put const&, int) {}
};
struct plain_map {
  static constexpr char name[] = "plain";
  static constexpr float apply(float x) { return x; }
  static constexpr char flops[] = "no number";
};
template <class M> struct maps_once {
  using input = shape<tokens, E>;
  static constexpr auto forward(auto x) { return map<M>(x); }
};
/// A map that three products read.
template <class M> struct maps_for_three {
  using input = shape<tokens, E>;
  static constexpr auto forward(auto x) {
    auto y = map<M>(x);
    return custom_row<dear_row>(y) * custom_row<dear_row>(y + x) * y;
  }
};
template <class Block> constexpr plan const& plan_for = plan_of<forward_of<Block, policy::exact<>>>;

}  // namespace

TEST_CASE("operators from outside cost what they say, and else as much as silu") {
  constexpr double n = E::extent;
  static_assert(cost_of(plan_for<maps_once<dear_map>>, dtype::f32).flops_per_row == 1000 * n);
  static_assert(cost_of(plan_for<maps_once<plain_map>>, dtype::f32).flops_per_row == 24 * n);
  // Where it is dear, a map is stored and read three times; where it is cheap, it is computed three times.
  static_assert(cost_of(plan_for<maps_for_three<dear_map>>, dtype::f32).flops_per_row == 1000 * n + 2 * 5 * n * n + 3 * n);
  static_assert(cost_of(plan_for<maps_for_three<cube>>, dtype::f32).flops_per_row == 3 * 24 * n + 2 * 5 * n * n + 3 * n);
}

TEST_CASE("a row attends to no more positions than its window has") {
  constexpr kernel_cost c = cost_of(plan_of<forward_of<attends_near, policy::exact<>>>, dtype::f32);
  static_assert(c.window == 2 && c.seen(1) == 1 && c.seen(100) == 2);
  static_assert(cost_of(plan_of<forward_of<attends, policy::exact<>>>, dtype::f32).seen(100) == 100);
}

TEST_CASE("an embedding reads a row for each token, in its format") {
  constexpr kernel_cost c =
      cost_of(plan_of<forward_of<embedding_stage<llama2::config_7b>, policy::fast<formats<q8_0>>>>, dtype::f16);
  static_assert(c.weight_bytes == 0 && c.bytes_per_row == 4096.0 * 34 / 32 + 4 * 4096);
}

TEST_CASE("gradients cost twice the contractions, and are written once") {
  constexpr plan const& p = plan_of<gradient_of<tiny_layer, policy::exact<>>>;
  constexpr double E = 8, KV = 4, F = 12, parameters = 2 * E * E + 2 * KV * E + 3 * E * F;
  constexpr auto contractions = [](kernel_class k) {
    double total = 0;
    for (int q = 0; q < p.count; ++q)
      for (int i = 0; p.groups[q].k == k && i < p.groups[q].count; ++i) {
        node const& n = p.g.nodes[p.groups[q].nodes[i]];
        if (n.kind == op::matmul_dw) total += 2.0 * n.rows * n.cols;
        for (int w = 1; is_contraction(n.kind) && n.kind != op::matmul_dw && w < n.arity(); w += 2)
          total += 2.0 * p.g.nodes[n.in[w]].rows * p.g.nodes[n.in[w]].cols;
      }
    return total;
  };
  static_assert(contractions(kernel_class::matmul) == 2 * parameters &&
                contractions(kernel_class::matmul_dx) == 2 * parameters &&
                contractions(kernel_class::matmul_dw) == 2 * parameters);
  double written = 0, back = 0;
  for (int q = 0; q < p.count; ++q) {
    kernel_cost const c = cost_of(p, q, dtype::f32);
    if (p.groups[q].k == kernel_class::matmul_dw || p.groups[q].k == kernel_class::token_sum)
      for (int o = 0; o < p.groups[q].output_count; ++o) {
        node const& n = p.g.nodes[p.groups[q].outputs[o]];
        written += 4.0 * n.rows * n.cols;
        CHECK(c.weight_bytes >= 4.0 * n.rows * n.cols);
      }
    if (p.groups[q].k == kernel_class::attention_back) back += c.flops_per_position;
  }
  CHECK(written == 4 * (parameters + 2 * E));
  CHECK(back == 10 * 8);
}

TEST_CASE("a training step costs three times its forward, and more where the forward is computed again") {
  using layer = block_stage<llama2::config_7b>;
  constexpr double E = 4096, F = 11008, forward = 2 * (4 * E * E + 3 * E * F);
  constexpr auto cost = []<class Keep>(Keep) {
    using T = training_of<layer, policy::exact<>, Keep>;
    return cost_of(plan_of<training_forward<T>>, dtype::f32).flops_per_row +
           cost_of(plan_of<training_backward<T>>, dtype::f32).flops_per_row;
  };
  static_assert(cost(keep::dear{}) > 3 * forward && cost(keep::dear{}) < 3.01 * forward);
  static_assert(cost(keep::everything{}) > 3 * forward && cost(keep::everything{}) < cost(keep::dear{}));
  // All but w2's own contraction a second time.
  static_assert(cost(keep::inputs{}) > 4 * forward - 2 * E * F && cost(keep::inputs{}) < 4.01 * forward - 2 * E * F);
}
