#include "cria/infer/score.hpp"

#include <array>
#include <cmath>
#include <limits>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "infer/toy_engine.hpp"

using namespace cria;
using Catch::Matchers::MessageMatches, Catch::Matchers::ContainsSubstring;
using test::toy_engine;

namespace {

/// The log-probability of `next`, summed by hand: the logits are -0.01 |t - best|.
double by_hand(toy_engine const& model, std::vector<int> const& before, int next) {
  int const best = model.likeliest(before);
  double sum = 0;
  for (int t = 0; t < model.vocabulary(); ++t) sum += std::exp(double(-0.01f * float(std::abs(t - best))));
  return double(-0.01f * float(std::abs(next - best))) - std::log(sum);
}

}  // namespace

TEST_CASE("a token's log-probability belongs to those before it in its window") {
  toy_engine model(300, 100);
  std::vector<int> const tokens{7, 3, 250, 9, 9, 120, 33, 2};
  auto const s = infer::score(model, tokens, {.window = 3});
  REQUIRE(s.logprobs.size() == tokens.size());
  double sum = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    CHECK(s.logprobs[i].has_value() == (i % 3 != 0));
    if (i % 3 == 0) continue;
    std::vector const before(tokens.begin() + std::ptrdiff_t(i - i % 3), tokens.begin() + std::ptrdiff_t(i));
    CHECK(std::abs(*s.logprobs[i] - by_hand(model, before, tokens[i])) < 1e-12);
    sum -= *s.logprobs[i];
  }
  CHECK(s.scored == 5);
  CHECK(std::abs(s.nll - sum / 5) < 1e-12);
  CHECK(std::abs(s.perplexity() - std::exp(sum / 5)) < 1e-9);
  CHECK(s.top.empty());
}

TEST_CASE("the likeliest tokens come in order") {
  toy_engine model(300, 100);
  std::vector<int> const tokens{7, 3, 250, 9};
  auto const s = infer::score(model, tokens, {.top = 3});
  REQUIRE(s.top.size() == 4);
  CHECK(s.top[0].empty());
  for (std::size_t i = 1; i < 4; ++i) {
    std::vector const before(tokens.begin(), tokens.begin() + std::ptrdiff_t(i));
    int const best = model.likeliest(before);
    REQUIRE(s.top[i].size() == 3);
    CHECK(s.top[i][0].first == best);
    CHECK(s.top[i][1].first == best - 1);  // ties: the lower id
    CHECK(s.top[i][2].first == best + 1);
    for (auto const& [id, logprob] : s.top[i]) CHECK(std::abs(logprob - by_hand(model, before, id)) < 1e-12);
  }
}

TEST_CASE("logits come in pieces of bounded size, with the same result") {
  toy_engine large(100000, 200);  // 8 MiB are 20 rows
  std::vector<int> tokens(150);
  for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = int(i * 7919 % 100000);
  auto const s = infer::score(large, tokens, {});
  for (auto const& call : large.calls) CHECK(call.size() * 100000 * 4 <= 8 << 20);
  CHECK(large.calls.size() == 8);
  std::vector const before(tokens.begin(), tokens.begin() + 97);
  CHECK(std::abs(*s.logprobs[97] - by_hand(large, before, tokens[97])) < 1e-12);
}

TEST_CASE("the sum over a large vocabulary loses nothing") {
  std::vector<float> logits(100000, 0.0f);
  logits[0] = 20.0f;
  CHECK(std::abs(infer::log_sum_exp(logits) - (20 + std::log1p(99999 * std::exp(-20.0)))) < 1e-10);
  CHECK_THROWS_AS(infer::log_sum_exp(std::array{0.0f, std::numeric_limits<float>::quiet_NaN()}), error);
  CHECK_THROWS_AS(infer::log_sum_exp(std::array{0.0f, std::numeric_limits<float>::infinity()}), error);
}

TEST_CASE("what cannot be scored is refused") {
  toy_engine model(50, 10);
  std::vector<int> const tokens{1, 2, 3};
  auto const refused = [&](std::vector<int> const& t, infer::scoring_options const& o, std::string const& message) {
    CHECK_THROWS_MATCHES(infer::score(model, t, o), error, MessageMatches(ContainsSubstring(message)));
  };
  refused({1}, {}, "expected at least 2 tokens, found 1");
  refused(tokens, {.window = 1}, "--window: out of range (expected 2 to 10, found 1)");
  refused(tokens, {.window = 11}, "--window");
  refused(tokens, {.top = -1}, "--top");
  refused(tokens, {.top = 51}, "--top");
  refused({1, 50}, {}, "token 1 (expected 0 to 49, found 50)");
  refused({-1, 5}, {}, "token 0");
}
