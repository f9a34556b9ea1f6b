#include "cria/infer/generate.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "infer/toy_engine.hpp"

using namespace cria;
using Catch::Matchers::MessageMatches, Catch::Matchers::ContainsSubstring;
using infer::ending, infer::sampler, infer::cached_sequence;
using test::toy_engine;

namespace {

std::vector<int> continuation(toy_engine const& model, std::vector<int> tokens, int count) {
  auto const begin = tokens.size();
  for (int i = 0; i < count; ++i) tokens.push_back(model.likeliest(tokens));
  return {tokens.begin() + std::ptrdiff_t(begin), tokens.end()};
}

}  // namespace

TEST_CASE("greedy tokens follow from all tokens before") {
  toy_engine model(50, 100);
  sampler greedy({});
  std::vector<int> const prompt{3, 1, 4};
  std::vector<int> seen;
  auto const g = cached_sequence(model).run(prompt, greedy, {.max_tokens = 12, .on_token = [&](int t) { seen.push_back(t); }});
  CHECK(g.tokens == continuation(model, prompt, 12));
  CHECK(seen == g.tokens);
  CHECK(g.end == ending::max_tokens);
  CHECK(g.prompt.tokens == 3);
  CHECK(g.answer.tokens == 11);                                 // the first token comes with the prompt
  CHECK(g.answer.bytes == 11 * 1000 + 10 * (4 + 14) * 11 / 2);  // weights and what is cached, for each
}

TEST_CASE("a stop token ends the answer and is no part of it") {
  toy_engine model(50, 100);
  sampler greedy({});
  std::vector<int> const prompt{5};
  auto const all = continuation(model, prompt, 6);
  auto const g = cached_sequence(model).run(prompt, greedy, {.stops = {-1, all[4]}});
  CHECK(g.end == ending::stop_token);
  CHECK(g.tokens == std::vector(all.begin(), all.begin() + 4));
}

TEST_CASE("what the cache holds is not computed again") {
  toy_engine model(50, 100);
  sampler greedy({});
  cached_sequence s(model);
  std::vector<int> prompt{1, 2, 3, 4};
  auto const first = s.run(prompt, greedy, {.max_tokens = 5});
  prompt.insert(prompt.end(), first.tokens.begin(), first.tokens.end());
  prompt.push_back(9);
  model.calls.clear();
  auto const second = s.run(prompt, greedy, {.max_tokens = 3});
  CHECK(second.tokens == continuation(model, prompt, 3));
  CHECK(second.prompt.tokens == 2);  // the answer's last token was never fed
  REQUIRE(!model.calls.empty());
  CHECK(model.calls[0].front().position == 8);

  std::vector<int> const other{1, 2, 7};
  auto const third = s.run(other, greedy, {.max_tokens = 3});
  CHECK(third.tokens == continuation(model, other, 3));
  CHECK(third.prompt.tokens == 1);
  auto const fourth = s.run(other, greedy, {.max_tokens = 3});
  CHECK(fourth.prompt.tokens == 1);  // the last token is always fed: its logits are wanted
}

TEST_CASE("a long prompt comes in chunks, and only its last row's logits are asked for") {
  toy_engine model(50, 1000);
  sampler greedy({});
  std::vector<int> prompt(700);
  for (std::size_t i = 0; i < prompt.size(); ++i) prompt[i] = int(i * 7 % 50);
  auto const g = cached_sequence(model).run(prompt, greedy, {.max_tokens = 1});
  CHECK(g.tokens == continuation(model, prompt, 1));
  CHECK(model.calls.size() == 3);
}

TEST_CASE("the context's end ends the answer") {
  toy_engine model(50, 10);
  sampler greedy({});
  std::vector<int> const prompt{1, 2, 3};
  auto const g = cached_sequence(model).run(prompt, greedy, {});
  CHECK(g.end == ending::context_full);
  CHECK(g.tokens == continuation(model, prompt, 8));  // a token for each place, and one after the last
}

TEST_CASE("an interrupt ends the answer and the session goes on") {
  toy_engine model(50, 100);
  sampler greedy({});
  cached_sequence s(model);
  std::vector<int> const prompt{1, 2, 3};
  std::sig_atomic_t volatile flag = 0;
  int count = 0;
  auto const g = s.run(prompt, greedy, {.on_token = [&](int) { flag = ++count == 4; }, .interrupt = &flag});
  CHECK(g.end == ending::interrupted);
  CHECK(g.tokens.size() == 4);
  CHECK(s.run(prompt, greedy, {.interrupt = &flag}).tokens.empty());
  flag = 0;
  CHECK(s.run(prompt, greedy, {.max_tokens = 6, .interrupt = &flag}).tokens == continuation(model, prompt, 6));
}

TEST_CASE("prompts that cannot be are refused") {
  toy_engine model(50, 4);
  sampler greedy({});
  cached_sequence s(model);
  CHECK_THROWS_MATCHES(s.run({}, greedy, {}), error, MessageMatches(ContainsSubstring("prompt: empty")));
  std::vector<int> const five{1, 2, 3, 4, 5}, four{1, 2, 3, 4};
  CHECK_THROWS_MATCHES(s.run(five, greedy, {}), error,
                       MessageMatches(ContainsSubstring("expected at most 4 tokens, found 5")));
  CHECK(s.run(four, greedy, {}).tokens == continuation(model, four, 1));
}
