#include "cria/expr/plain.hpp"

#include <array>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "cria/graph/record.hpp"
#include "graph/blocks.hpp"
#include "graph/interpreter.hpp"

using namespace cria;
using namespace cria::test;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;

namespace {

using rows_of_e = plain<shape<tokens, E>>;

std::vector<double> some(std::size_t n, unsigned seed) { return numbers(1, int(n), seed).at; }

/// Two sequences, of three and of two rows, and every weight of the small blocks.
plain_step step_of() {
  plain_step s{{1, 4, 1, 0, 4}, {0, 0, 0, 1, 1}, {0, 1, 2, 0, 1}, {}};
  auto const add = [&](char const* name, std::size_t size) {
    s.weights[name] = some(size, unsigned(s.weights.size()) + 20);
  };
  add("attention_norm", 8), add("ffn_norm", 8), add("norm", 8), add("wq", 64), add("wk", 32), add("wv", 32),
      add("wo", 64);
  add("w1", 96), add("w2", 96), add("w3", 96), add("embed", 48), add("head", 96), add("wpe", 280), add("q_norm", 4),
      add("k_norm", 4);
  s.target = {3, 0, 11, 7, 3};
  return s;
}

struct mirrors {  // a row operator from outside: the row backwards, divided by its sum
  static constexpr char name[] = "mirrors";
  template <class A> using result = A;
  template <class Team, class Get, class Put> static void row(Team const& t, Get const& get, Put const& put, int n) {
    auto const total = t.sum(n, get);
    t.each(n, [&](int i) { put(i, get(n - 1 - i) / total); });
  }
};

}  // namespace

TEST_CASE("matmul sums over the last axis of both") {
  plain_step const s = step_of();
  rows_of_e const x(s, some(40, 1));
  auto const y = matmul(x, weight<w1, H, E>);
  static_assert(std::is_same_v<decltype(y), plain<shape<tokens, H>> const>);
  REQUIRE(y.at.size() == 60);
  double expected = 0;
  for (std::size_t k = 0; k < 8; ++k) expected += x.at[3 * 8 + k] * s.weights.at("w1")[7 * 8 + k];
  CHECK(y(3, 7) == Approx(expected));
}

TEST_CASE("elementwise operators") {
  plain_step const s = step_of();
  rows_of_e const x(s, some(40, 1)), y(s, some(40, 2));
  CHECK((x + y)(2, 3) == x(2, 3) + y(2, 3));
  CHECK((x - y)(1, 2) == x(1, 2) - y(1, 2));
  CHECK((x * y)(4, 7) == x(4, 7) * y(4, 7));
  CHECK(silu(x)(1, 1) == Approx(x(1, 1) / (1 + std::exp(-x(1, 1)))));
  CHECK((x + weight<norm, E>)(3, 4) == x(3, 4) + s.weights.at("norm")[4]);
  CHECK((x * weight<norm, E>)(3, 4) == x(3, 4) * s.weights.at("norm")[4]);
  CHECK(map<cube>(x)(0, 5) == std::pow(x(0, 5), 3));
}

TEST_CASE("a norm divides by the root of the mean square") {
  plain_step const s = step_of();
  rows_of_e const x(s, some(40, 1));
  auto const y = cria::rms_norm(x, weight<norm, E>, 0.01);
  double mean = 0;
  for (std::size_t k = 0; k < 8; ++k) mean += x(2, k) * x(2, k) / 8;
  CHECK(y(2, 6) == Approx(x(2, 6) / std::sqrt(mean + 0.01) * s.weights.at("norm")[6]));
}

TEST_CASE("cross-entropy is the logarithm of what a softmax gives the target") {
  plain_step const s = step_of();
  rows_of_e x(s, some(40, 1));
  auto const y = cross_entropy(matmul(x, weight<head, H, E>));
  static_assert(std::is_same_v<decltype(y), plain<shape<tokens>> const>);
  REQUIRE(y.at.size() == 5);
  auto const logits = matmul(x, weight<head, H, E>);
  double total = 0;
  for (std::size_t k = 0; k < 12; ++k) total += std::exp(logits(2, k));
  CHECK(y(2, 0) == Approx(-std::log(std::exp(logits(2, 11)) / total)));
  for (double& v : x.at) v *= 1e4;  // too large for exp
  CHECK(std::isfinite(cross_entropy(matmul(x, weight<head, H, E>))(1, 0)));
}

TEST_CASE("rope turns pairs by position, and keeps their length") {
  plain_step const s = step_of();
  plain<shape<tokens, Q>> const x(s, some(40, 1));
  auto const y = rope(x, 100.0);
  for (std::size_t col = 0; col < 8; ++col) CHECK(y(0, col) == x(0, col));  // position 0
  // Position 2, head 1, pair 1: an angle of 2 * 100^(-2 / 4) = 0.2.
  CHECK(y(2, 6) == Approx(x(2, 6) * std::cos(0.2) - x(2, 7) * std::sin(0.2)));
  CHECK(y(2, 7) == Approx(x(2, 6) * std::sin(0.2) + x(2, 7) * std::cos(0.2)));
  CHECK(std::hypot(y(4, 4), y(4, 5)) == Approx(std::hypot(x(4, 4), x(4, 5))));
}

TEST_CASE("attention weighs the rows of its own sequence up to its position") {
  plain_step s = step_of();
  plain<shape<tokens, Q>> const q(s, some(40, 1));
  plain<shape<tokens, KV>> const k(s, some(20, 2)), v(s, some(20, 3));
  auto const y = cria::attention(q, k, v);
  CHECK(y(0, 5) == Approx(v(0, 1)));  // the first of its sequence sees itself
  CHECK(y(3, 2) == Approx(v(3, 2)));
  // Row 2, head 1: three rows, one kv head.
  std::array<double, 3> score{};
  double total = 0, expected = 0;
  for (std::size_t u = 0; u < 3; ++u) {
    for (std::size_t d = 0; d < 4; ++d) score[u] += q(2, 4 + d) * k(u, d);
    total += score[u] = std::exp(score[u] / 2);
  }
  for (std::size_t u = 0; u < 3; ++u) expected += score[u] / total * v(u, 3);
  CHECK(y(2, 7) == Approx(expected));
  // Scores too large for exp.
  auto large = q;
  for (double& x : large.at) x *= 1e4;
  CHECK(std::isfinite(cria::attention(large, k, v)(2, 7)));
}

TEST_CASE("an embedding takes rows by token, a row operator sees a whole row") {
  plain_step const s = step_of();
  auto const x = cria::embedding(plain<token_ids>{&s}, weight<nn::embed, axis<llama2::axes::vocabulary, 6>, E>);
  CHECK(x(1, 2) == s.weights.at("embed")[4 * 8 + 2]);
  CHECK(x(4, 7) == x(1, 7));
  auto const p = cria::embedding(positions(plain<token_ids>{&s}), weight<wpe, axis<narrow, 35>, E>);
  CHECK(p(1, 2) == s.weights.at("wpe")[8 + 2]);
  CHECK(p(4, 7) == p(1, 7));
  plain_step far = s;
  far.position[2] = 35;
  CHECK_THROWS_AS(cria::embedding(positions(plain<token_ids>{&far}), weight<wpe, axis<narrow, 35>, E>), error);
  auto const y = custom_row<mirrors>(x);
  double total = 0;
  for (std::size_t k = 0; k < 8; ++k) total += x(3, k);
  CHECK(y(3, 0) == Approx(x(3, 7) / total).epsilon(1e-5));
}

TEST_CASE("what is wrong with weights and values is said") {
  plain_step s = step_of();
  rows_of_e const x(s, some(40, 1));
  s.weights["wo"].pop_back();
  CHECK_THROWS_WITH(matmul(x, weight<wo, E, E>),
                    ContainsSubstring("wo: wrong size of a weight (expected 64, found 63)"));
  s.weights.erase("wo");
  CHECK_THROWS_WITH(matmul(x, weight<wo, E, E>), ContainsSubstring("wo: no weight of this name"));
  CHECK_THROWS_WITH(rows_of_e(s, some(39, 1)), ContainsSubstring("expected 40, found 39"));
}

/// The plain front-end and the recorded graph say the same.
template <class Block> void check_graph() {
  plain_step const s = step_of();
  step const same{s.token, s.sequence, s.position, [](double x, int) { return cube::apply(x); }, s.target};
  graph const g = record<Block>();
  std::vector<double> const x = some(40, 5);
  auto const leaf = [&](int i) {
    node const& n = g.nodes[i];
    matrix m(n.kind == op::input ? 5 : n.rows, n.cols);
    m.at = n.kind == op::input ? x : s.weights.at(std::string(g.name(i)));
    return m;
  };
  matrix const expected = interpret(g, same, leaf)[std::size_t(g.outputs[0])];
  auto const found = [&] {
    if constexpr (std::is_same_v<typename Block::input, token_ids>)
      return Block::forward(plain<token_ids>{&s});
    else
      return Block::forward(plain<typename Block::input>(s, x));
  }();
  REQUIRE(found.at.size() == expected.at.size());
  for (std::size_t i = 0; i < found.at.size(); ++i) CHECK(found.at[i] == Approx(expected.at[i]).margin(1e-12));
}

TEST_CASE("a block's forward gives what its graph gives") {
  check_graph<adds>(), check_graph<multiplies>(), check_graph<squares>(), check_graph<passes>(), check_graph<gates>();
  check_graph<norms>(), check_graph<norms_twice>(), check_graph<turns>(), check_graph<turns_slowly>();
  check_graph<attends>(), check_graph<attends_near>(), check_graph<cubes>(), check_graph<scales>();
  check_graph<shares>(), check_graph<looks_up>(), check_graph<places>(), check_graph<centres>();
  check_graph<stretches>(), check_graph<gates_smoothly>(), check_graph<biased_layer>();
  check_graph<heads_with_norms>(), check_graph<norms_heads>();
  check_graph<loses>(), check_graph<tiny_layer>();
}
