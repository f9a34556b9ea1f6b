// What training leaves out: gradients of frozen weights, and all that nothing trained wants.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <set>
#include <string>

#include "cria/graph/print.hpp"
#include "graph/lora.hpp"

using namespace cria;
using namespace cria::test;
using Catch::Matchers::ContainsSubstring;

namespace {

using layer = nn::block_stage<with_adapters<llama2::config_7b>>;
/// A layer in the middle: the layers below it have adapters too.
using middle = training_of<layer, frozen_blocks, keep::dear, adapters, true>;
using lowest = training_of<layer, frozen_blocks, keep::dear, adapters, false>;
using frozen = training_of<layer, frozen_blocks, keep::dear, train_weights::only<>, false>;

std::string table(plan const& p) {
  std::string s;
  graph_printer<std::string> to{s, graph_stage::fused, graph_format::table, dtype::f32};
  to.begin(), to.print("t", p), to.end();
  return s;
}

std::set<std::string> trained(graph const& g) {
  std::set<std::string> names;
  for (int k = 0; k < g.output_count; ++k)
    if (accumulates(g, k)) names.emplace(g.name(g.leaf_of[k]));
  return names;
}

constexpr bool has_lse(graph const& g) { return g.count_of(op::attention_lse) > 0; }

}  // namespace

TEST_CASE("adapters alone: no gradient of a frozen weight is computed") {
  constexpr plan const& p = plan_of<training_backward<middle>>;
  static_assert(p.g.count_of(op::matmul_dw) == 2 && p.g.count_of(op::token_sum) == 0);
  CHECK(trained(p.g) == std::set<std::string>{"wq.lora_a", "wq.lora_b"});
  std::string const s = table(p);
  CHECK_THAT(s, ContainsSubstring("cria/wq.lora_a.dw ") && ContainsSubstring("cria/wq.lora_b.dw ") &&
                    !ContainsSubstring("token_sum"));
  for (char const* name : {"wq", "wk", "wv", "wo", "w1", "w2", "w3"})
    CHECK_THAT(s, !ContainsSubstring(std::string(name) + ".dw"));
  // What goes to the layer below goes through all of them.
  for (char const* name : {"wv^T", "wk^T", "wq^T", "wo^T", "w1^T", "w2^T", "w3^T", "wq.lora_a^T", "wq.lora_b^T"})
    CHECK_THAT(s, ContainsSubstring(name));
  static_assert(p.g.count_of(op::matmul) == 0 && p.g.count_of(op::attention) == 0,
                "and nothing dear is computed again");
}

TEST_CASE("the lowest layer with adapters computes what they want, and no gradient of rows below them") {
  constexpr plan const& p = plan_of<training_backward<lowest>>;
  static_assert(p.g.count_of(op::attention_back) == 1, "to queries alone");
  static_assert(p.g.count_of(op::matmul_dx) == 4, "through w2, w1 and w3, wo, and from lora_b to lora_a");
  static_assert(p.g.output_count == 2);
  CHECK_THAT(table(p), !ContainsSubstring("wq^T") && !ContainsSubstring("wk^T") && !ContainsSubstring("wq.lora_a^T"));
}

TEST_CASE("a layer without trained weights above no others is a forward as in inference") {
  static_assert(!frozen::has_gradients && frozen::kept_bytes_per_row == 0);
  constexpr plan const &p = plan_of<training_forward<frozen>>, &inference = plan_of<forward_of<layer, frozen_blocks>>;
  static_assert(p.count == inference.count && p.g.count == inference.g.count && !has_lse(p.g));
  static_assert(plan_of<training_backward<frozen>>.count == 0);
}

TEST_CASE("an adapter is one more kernel, in which what reads its matrix's result has its place") {
  using some = nn::adapted<llama2::config_7b, 8, 16, nn::wq, nn::wv>;
  using all = nn::adapted<llama2::config_7b, 8, 16, nn::wq, nn::wk, nn::wv, nn::wo, nn::w1, nn::w2, nn::w3>;
  static_assert(plan_of<forward_of<nn::block_stage<some>, policy::exact<>>>.count == 5 + 2);
  static_assert(plan_of<forward_of<nn::block_stage<all>, policy::exact<>>>.count == 5 + 7);
  std::string const s = table(plan_of<forward_of<nn::block_stage<some>, policy::exact<>>>);
  CHECK_THAT(s, ContainsSubstring("cria/wq.lora_a+wq+wk+wv.lora_a+wv ") && ContainsSubstring("q = rope(%11 + wq.lora_b %9)"));
  // All adapters of a 7B layer have gradients within the limits of one graph.
  using training = training_of<nn::block_stage<all>, policy::exact<all::formats_of<formats<q4_0>>>, keep::dear, all::adapters>;
  static_assert(plan_of<training_backward<training>>.g.count_of(op::matmul_dw) == 14);
}

TEST_CASE("no more is kept for adapters than for all weights") {
  using all = training_of<layer, policy::exact<>>;
  constexpr std::size_t E = 4096, F = 11008, heads = 32, rank = 4;
  // As without adapters, and of these 2 A x.
  static_assert(all::kept_bytes_per_row == 4 * (5 * E + 2 * F + heads + 2 + rank));
  static_assert(lowest::kept_bytes_per_row == all::kept_bytes_per_row &&
                middle::kept_bytes_per_row == all::kept_bytes_per_row);
  // With everything kept, norms, silu and their products of frozen weights are not.
  using everything = training_of<layer, frozen_blocks, keep::everything, adapters, true>;
  using all_everything = training_of<layer, policy::exact<>, keep::everything>;
  static_assert(everything::kept_bytes_per_row < all_everything::kept_bytes_per_row);
}
