#include "cria/graph/fuse.hpp"

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include "cria/graph/label.hpp"
#include "cria/graph/program.hpp"
#include "graph/blocks.hpp"
#include "graph/interpreter.hpp"

using namespace cria;
using namespace cria::test;

namespace {

template <class Block>
constexpr plan fused = fuse(record<Block>());
template <class Block, class Keep = keep::dear>
using trained = training_of<Block, policy::exact<>, Keep>;

/// Nodes of a kind that kernel q computes.
constexpr int count_in(plan const& p, int q, op k) {
  int n = 0;
  for (int i = 0; i < p.groups[q].count; ++i) n += p.g.nodes[p.groups[q].nodes[i]].kind == k;
  return n;
}

template <class D>
using attention_part = nn::attention<D>;

/// x + norm(f(x)): the norm after the part, as in Llama's relatives of 2024.
struct post_norm_layer {
  using input = shape<tokens, tiny::embed>;
  static constexpr auto forward(auto x) {
    auto h = x + nn::rms_norm<tiny, attention_norm>::forward(attention_part<tiny>::forward(x));
    return h + nn::rms_norm<tiny, ffn_norm>::forward(nn::swiglu<tiny>::forward(h));
  }
};
/// Both parts read one norm.
struct parallel_layer {
  using input = shape<tokens, tiny::embed>;
  static constexpr auto forward(auto x) {
    auto h = nn::rms_norm<tiny, attention_norm>::forward(x);
    return x + attention_part<tiny>::forward(h) + nn::swiglu<tiny>::forward(h);
  }
};
struct no_gate_layer {
  using input = shape<tokens, tiny::embed>;
  static constexpr auto forward(auto x) {
    auto h = x + attention_part<tiny>::forward(nn::rms_norm<tiny, attention_norm>::forward(x));
    auto f = nn::rms_norm<tiny, ffn_norm>::forward(h);
    return h + matmul(silu(matmul(f, weight<w1, tiny::hidden, tiny::embed>)), weight<w2, tiny::embed, tiny::hidden>);
  }
};
struct cube_layer {  // an operator from outside between the contractions
  using input = shape<tokens, tiny::embed>;
  static constexpr auto forward(auto x) {
    return x +
           matmul(map<cube>(matmul(x, weight<w1, tiny::hidden, tiny::embed>)), weight<w2, tiny::embed, tiny::hidden>);
  }
};

struct reads_twice : of_rows {  // the sums of wo are read by silu and by the next contraction
  static constexpr auto forward(auto x) {
    auto h = matmul(x, weight<wo, E, E>);
    return silu(h) * matmul(h, weight<w1, E, E>);
  }
};

struct costly : of_rows {  // three silus, read by a product and a sum
  static constexpr auto forward(auto x) {
    auto h = silu(silu(silu(x)));
    return matmul(h * h, weight<w1, E, E>) + matmul(x + h, weight<w3, E, E>);
  }
};
struct costly_once : of_rows {  // read by two contractions of one kernel
  static constexpr auto forward(auto x) {
    auto h = silu(silu(silu(x)));
    return matmul(h, weight<w1, E, E>) * matmul(h, weight<w3, E, E>);
  }
};

struct normed_gate : of_rows {  // one contraction's sums times the norm of another's, which needs whole rows
  static constexpr auto forward(auto x) {
    return matmul(x, weight<w1, E, E>) * cria::rms_norm(matmul(x, weight<w3, E, E>), weight<norm, E>);
  }
};

/// What kernels rely on: every value that a kernel loads is stored by an earlier one; what is recomputed can be (maps,
/// rotations, row sums), and never reaches into the kernel's own sums; row sums only where whole rows are at hand.
void check_rules(plan const& p) {
  for (int q = 0; q < p.count; ++q) {
    group const& k = p.groups[q];
    REQUIRE(k.count > 0);
    CHECK(k.output_count > 0);
    bool const has_rows = k.k == kernel_class::row || k.k == kernel_class::matmul || k.k == kernel_class::matmul_dx;
    bool seen[graph::capacity]{};
    auto const walk = [&](auto const& self, int i) -> void {  // i: recomputed by kernel q
      for (short j : p.g.nodes[i].in) {
        if (j < 0 || seen[j]) continue;
        CHECK(p.home[j] != q);
        if (is_leaf(p.g.nodes[j])) continue;
        if (p.home[j] >= 0) {
          CHECK(p.stored[j]);
          CHECK(p.home[j] < q);
          continue;
        }
        seen[j] = true;
        op const kind = p.g.nodes[j].kind;
        CHECK((kind == op::map || kind == op::rope || (kind == op::row_sum && has_rows) || kind == op::embedding ||
               kind == op::pick || kind == op::pick_back));
        self(self, j);
      }
    };
    for (int n = 0; n < k.count; ++n) {
      int const i = k.nodes[n];
      CHECK(p.home[i] == q);
      for (short j : p.g.nodes[i].in) {
        if (j < 0 || is_leaf(p.g.nodes[j]) || seen[j]) continue;
        if (p.home[j] == q) {
          CHECK(is_contraction(k.k));
          CHECK(p.g.nodes[j].cols == p.g.nodes[i].cols);
        } else if (p.home[j] >= 0) {
          CHECK(p.stored[j]);
          CHECK(p.home[j] < q);
        } else {
          seen[j] = true;
          walk(walk, j);
        }
      }
      bool const attends = k.k == kernel_class::attention || k.k == kernel_class::attention_back;
      if (!is_contraction(k.k) && !attends) CHECK(k.count == 1);
    }
  }
  for (int o = 0; o < p.g.output_count; ++o) CHECK(p.stored[p.g.outputs[o]]);
}

}  // namespace

TEST_CASE("a decoder layer is five kernels") {
  constexpr plan p = fused<block_stage<llama2::config_7b>>;
  static_assert(p.count == 5);
  static_assert(p.groups[0].k == kernel_class::matmul && count_in(p, 0, op::matmul) == 3 &&
                    count_in(p, 0, op::rope) == 2 && p.groups[0].count == 5,
                "norm, q, k, v, rope");
  static_assert(p.groups[0].output_count == 3, "q, k, v");
  static_assert(p.groups[1].k == kernel_class::attention);
  static_assert(
      p.groups[2].k == kernel_class::matmul && count_in(p, 2, op::matmul) == 1 && count_in(p, 2, op::map) == 1,
      "wo, residual");
  static_assert(p.groups[3].k == kernel_class::matmul && count_in(p, 3, op::matmul) == 2 &&
                    count_in(p, 3, op::map) == 2 && p.groups[3].output_count == 1,
                "norm, w1, w3, swiglu");
  static_assert(
      p.groups[4].k == kernel_class::matmul && count_in(p, 4, op::matmul) == 1 && count_in(p, 4, op::map) == 1,
      "w2, residual");
  static_assert(fused<block_stage<llama2::config_70b>>.count == 5 &&
                fused<block_stage<llama2::config_stories260k>>.count == 5);
  // Both norms are recomputed: nothing of them is stored.
  for (int i = 0; i < p.g.count; ++i)
    if (p.g.nodes[i].kind == op::row_sum) CHECK(p.home[i] < 0);
}

TEST_CASE("the stages around the layers are one kernel each") {
  static_assert(fused<embedding_stage<llama2::config_7b>>.count == 1);
  static_assert(fused<embedding_stage<llama2::config_7b>>.groups[0].k == kernel_class::row);
  static_assert(fused<head_stage<llama2::config_7b>>.count == 1);
  static_assert(fused<head_stage<llama2::config_smollm2_135m>>.groups[0].k == kernel_class::matmul);
}

TEST_CASE("kernels are called by what they compute") {
  constexpr plan p = fused<block_stage<llama2::config_7b>>;
  static_assert(label_of(p, 0).view() == "cria/wq+wk+wv");
  static_assert(label_of(p, 1).view() == "cria/attention");
  static_assert(label_of(p, 3).view() == "cria/w1+w3");
  constexpr plan b = fuse(
      backward_part(trained<block_stage<llama2::config_7b>>::gradients, trained<block_stage<llama2::config_7b>>::kept));
  auto const any = [&](std::string_view name) {
    for (int q = 0; q < b.count; ++q)
      if (label_of(b, q).view() == name) return true;
    return false;
  };
  CHECK(any("cria/w2.dx"));
  CHECK(any("cria/attention_back"));
  CHECK(any("cria/wv+wk+wq.dx"));
  CHECK(any("cria/w1+w3.dw"));
}

TEST_CASE(
    "the backward of a layer: one contraction for what flows back through q, k and v, one kernel for their weights") {
  using layer = block_stage<llama2::config_7b>;
  constexpr plan p = fuse(backward_part(trained<layer>::gradients, trained<layer>::kept));
  static_assert(p.count == 17);
  static_assert(p.count_of(kernel_class::matmul_dx) == 4, "q, k, v; wo; w1, w3; w2");
  static_assert(p.count_of(kernel_class::matmul_dw) == 4, "the same");
  static_assert(p.count_of(kernel_class::attention_back) == 1 && p.count_of(kernel_class::token_sum) == 2);
  static_assert(p.count_of(kernel_class::matmul) == 0 && p.count_of(kernel_class::attention) == 0,
                "nothing dear is computed again");
  auto const kernel = [&](kernel_class k, std::string_view name) {
    for (int q = 0; q < p.count; ++q)
      if (p.groups[q].k == k && label_of(p, q).view() == name) return q;
    FAIL(name);
    return 0;
  };
  auto const pairs = [&](std::string_view name) {
    int const q = kernel(kernel_class::matmul_dx, name);
    CHECK(p.groups[q].count == 1);
    return p.g.nodes[p.groups[q].nodes[0]].arity() / 2;
  };
  CHECK(pairs("cria/wv+wk+wq.dx") == 3);
  CHECK(pairs("cria/w3+w1.dx") == 2);
  CHECK(count_in(p, kernel(kernel_class::matmul_dw, "cria/wq+wv+wk.dw"), op::matmul_dw) == 3);
  CHECK(count_in(p, kernel(kernel_class::matmul_dw, "cria/w1+w3.dw"), op::matmul_dw) == 2);
  CHECK(p.groups[kernel(kernel_class::attention_back, "cria/attention_back")].output_count == 3);
}

/// Bytes of a row by each policy of what is kept.
template <class V>
constexpr bool keeps(std::size_t everything, std::size_t dear) {
  return trained<block_stage<V>, keep::everything>::kept_bytes_per_row == everything &&
         trained<block_stage<V>, keep::dear>::kept_bytes_per_row == dear &&
         trained<block_stage<V>, keep::inputs>::kept_bytes_per_row == 0;
}

TEST_CASE("what a layer keeps for its backward") {
  constexpr std::size_t E = 4096, F = 11008, heads = 32;
  // rstd of two norms, q, k, v, attention and its sums, the residual, w1, w3; and what maps make of them: four of
  // norms, silu, product.
  static_assert(keeps<llama2::config_7b>(4 * (9 * E + 4 * F + heads + 2), 4 * (5 * E + 2 * F + heads + 2)));
  constexpr std::size_t W = 8192, KV = 1024, H = 28672;
  static_assert(
      keeps<llama2::config_70b>(4 * (7 * W + 2 * KV + 4 * H + 64 + 2), 4 * (3 * W + 2 * KV + 2 * H + 64 + 2)));
  static_assert(trained<block_stage<llama2::config_7b>>::kept_bytes_per_row <
                0.53 * trained<block_stage<llama2::config_7b>, keep::everything>::kept_bytes_per_row);
}

TEST_CASE("no value in memory is as wide as tokens are many, and no workspace is shared by all tokens") {
  auto const check = []<class Training>(std::type_identity<Training>) {
    for (auto const& g :
         {forward_part(Training::gradients, Training::kept), backward_part(Training::gradients, Training::kept)}) {
      plan const p = place(fuse(g), false);
      CHECK(p.fixed == 0);
      for (int i = 0; i < p.g.count; ++i)
        if (p.g.nodes[i].rows == per_token) CHECK((p.g.nodes[i].cols <= 11008));
    }
  };
  using layer = block_stage<llama2::config_7b>;
  check(std::type_identity<trained<layer>>{});
  check(std::type_identity<trained<layer, keep::everything>>{});
  check(std::type_identity<trained<layer, keep::inputs>>{});
}

TEST_CASE("variants of a layer") {
  static_assert(fused<post_norm_layer>.count == 6, "the last norm needs whole rows of w2's sums");
  static_assert(fused<post_norm_layer>.groups[5].k == kernel_class::row);
  static_assert(fused<parallel_layer>.count == 4, "wq, wk, wv, w1, w3 share the norm; then attention, wo, w2");
  static_assert(count_in(fused<parallel_layer>, 0, op::matmul) == 5);
  static_assert(fused<no_gate_layer>.count == 5 && count_in(fused<no_gate_layer>, 3, op::map) == 1);
  static_assert(fused<cube_layer>.count == 2 && count_in(fused<cube_layer>, 0, op::map) == 1,
                "the cube is an epilogue");
  static_assert(fused<scales>.count == 1 && fused<scales>.groups[0].output_count == 1,
                "a gain and a bias are an epilogue");
  static_assert(fused<shares>.count == 2, "a weight that is read twice doesn't join what reads it");
  static_assert(fused<passes>.count == 1 && fused<passes>.groups[0].k == kernel_class::row);
}

TEST_CASE("a map is an epilogue only where that saves a store") {
  constexpr plan p = fused<reads_twice>;
  static_assert(p.count == 2 && p.groups[0].count == 1 && p.stored[p.groups[0].nodes[0]]);
  static_assert(count_in(p, 1, op::map) == 1, "the product; silu(h) is recomputed");
}

TEST_CASE("a map is stored where its readers would pay more to compute it again") {
  static_assert(fused<costly>.count == 3 && fused<costly>.groups[0].k == kernel_class::row);
  static_assert(fused<costly_once>.count == 1);
  static_assert(fused<squares>.count == 1 && fused<norms_twice>.count == 1);
}

TEST_CASE("an epilogue never needs a whole row of its own kernel's sums") {
  constexpr plan p = fused<normed_gate>;
  static_assert(p.count == 2 && p.groups[0].output_count == 2 && p.groups[1].k == kernel_class::row);
}

TEMPLATE_TEST_CASE("plans keep to what kernels can do", "", adds, multiplies, squares, passes, gates, norms,
                   norms_twice, turns, attends, cubes, scales, shares, looks_up, loses, tiny_layer, post_norm_layer,
                   parallel_layer, no_gate_layer, cube_layer, block_stage<llama2::config_7b>,
                   head_stage<llama2::config_smollm2_135m>, reads_twice, normed_gate, costly, costly_once) {
  check_rules(fused<TestType>);
  gradient_graph const d = differentiate<train_weights::all>(record<TestType>(), true);
  check_rules(fuse(whole_step(d, {})));
  for (cria::detail::node_set const& kept : {keep::everything::of(d), keep::dear::of(d), keep::inputs::of(d)})
    check_rules(fuse(forward_part(d, kept))), check_rules(fuse(backward_part(d, kept)));
}

namespace {

step steps() {
  auto const cubed = [](double x, int part) { return part < 0 ? cube::apply(x) : cube::derivative<0>(x); };
  return {{1, 4, 1, 0, 4}, {0, 0, 0, 1, 1}, {0, 1, 2, 0, 1}, cubed, {3, 0, 11, 7, 3}};
}

/// A leaf of any graph of one block: the same numbers wherever the same leaf stands. What was kept is looked up in
/// `kept`.
struct leaves {
  graph const& g;
  std::vector<matrix> const* kept = nullptr;
  matrix operator()(int i) const {
    node const& n = g.nodes[i];
    if (n.kind == op::input && n.part >= 0) return kept->at(std::size_t(n.part) + 1);
    return numbers(n.rows == per_token ? steps().rows() : n.rows, n.cols,
                   unsigned(n.kind == op::weight ? n.symbol : 50 + n.part));
  }
};

/// Runs the plan of a graph from its own memory.
std::vector<matrix> outcome(graph const& g, bool cached, std::vector<matrix> const* kept = nullptr) {
  plan const p = place(fuse(g), cached);
  REQUIRE(!p.g.full);
  return run_plan(p, steps(), leaves{p.g, kept});
}

void check_outputs(std::vector<matrix> const& found, graph const& g, std::vector<matrix> const& values, int first) {
  for (std::size_t o = 0; o < found.size() && first + int(o) < g.output_count; ++o)
    CHECK(largest_difference(found[o], values[std::size_t(g.outputs[first + int(o)])]) < 1e-12);
}

}  // namespace

TEMPLATE_TEST_CASE("a plan run from its own memory gives what the graph says", "", adds, multiplies, squares, passes,
                   gates, norms, norms_twice, turns, attends, cubes, scales, shares, looks_up, loses, tiny_layer,
                   post_norm_layer, parallel_layer, no_gate_layer, cube_layer, reads_twice, normed_gate, costly,
                   costly_once) {
  graph const recorded = record<TestType>();
  gradient_graph const d = differentiate<train_weights::all>(recorded, true);
  graph const all = whole_step(d, {});
  auto const expected = interpret(all, steps(), leaves{all});
  check_outputs(outcome(recorded, true), all, expected, 0);
  check_outputs(outcome(all, false), all, expected, 0);
  for (cria::detail::node_set const& kept : {keep::everything::of(d), keep::dear::of(d), keep::inputs::of(d)}) {
    auto const first = outcome(forward_part(d, kept), false), second = outcome(backward_part(d, kept), false, &first);
    REQUIRE(int(second.size()) == all.output_count - 1);
    CHECK(largest_difference(first[0], expected[std::size_t(all.outputs[0])]) < 1e-12);
    check_outputs(second, all, expected, 1);
  }
}
