#include "cria/infer/batch.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "infer/toy_engine.hpp"

using namespace cria;
using Catch::Matchers::MessageMatches, Catch::Matchers::ContainsSubstring;
using infer::ending, infer::sampler, infer::batch;
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
  auto const g = batch(model).run(prompt, greedy, {.max_tokens = 12, .on_token = [&](int t) { seen.push_back(t); }});
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
  auto const g = batch(model).run(prompt, greedy, {.stops = {-1, all[4]}});
  CHECK(g.end == ending::stop_token);
  CHECK(g.tokens == std::vector(all.begin(), all.begin() + 4));
}

TEST_CASE("what the cache holds is not computed again") {
  toy_engine model(50, 100);
  sampler greedy({});
  batch s(model);
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
  auto const g = batch(model).run(prompt, greedy, {.max_tokens = 1});
  CHECK(g.tokens == continuation(model, prompt, 1));
  CHECK(model.calls.size() == 3);
}

TEST_CASE("the context's end ends the answer") {
  toy_engine model(50, 10);
  sampler greedy({});
  std::vector<int> const prompt{1, 2, 3};
  auto const g = batch(model).run(prompt, greedy, {});
  CHECK(g.end == ending::context_full);
  CHECK(g.tokens == continuation(model, prompt, 8));  // a token for each place, and one after the last
}

TEST_CASE("an interrupt ends the answer and the session goes on") {
  toy_engine model(50, 100);
  sampler greedy({});
  batch s(model);
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
  batch s(model);
  CHECK_THROWS_MATCHES(s.run({}, greedy, {}), error, MessageMatches(ContainsSubstring("prompt: empty")));
  std::vector<int> const five{1, 2, 3, 4, 5}, four{1, 2, 3, 4};
  CHECK_THROWS_MATCHES(s.run(five, greedy, {}), error,
                       MessageMatches(ContainsSubstring("expected at most 4 tokens, found 5")));
  CHECK(s.run(four, greedy, {}).tokens == continuation(model, four, 1));
}

namespace {

struct asked {
  std::vector<int> prompt;
  infer::sampling sampling;
  int max_tokens;
  std::vector<int> stops{};
};

/// Requests of many lengths; some begin alike, some draw.
std::vector<asked> made_requests(unsigned seed, int count, int vocabulary, int room) {
  infer::random_numbers random(seed);
  auto const below = [&](int n) { return int(random.bits() % std::uint64_t(n)); };
  std::vector<asked> all;
  for (int i = 0; i < count; ++i) {
    asked a;
    if (i > 0 && below(2) == 0) {
      auto const& other = all[std::size_t(below(i))].prompt;
      a.prompt.assign(other.begin(), other.begin() + 1 + below(int(other.size())));
    }
    for (int n = 1 + below(below(2) ? 8 : room / 2); n > 0 && int(a.prompt.size()) < room; --n)
      a.prompt.push_back(below(vocabulary));
    a.sampling = {.temperature = below(2) * 0.8, .seed = std::uint64_t(i)};
    a.max_tokens = 1 + below(40);
    if (below(4) == 0) a.stops = {below(vocabulary), below(vocabulary)};
    all.push_back(std::move(a));
  }
  return all;
}

infer::generation_options options_of(asked const& a) { return {.max_tokens = a.max_tokens, .stops = a.stops}; }

std::vector<infer::generation> alone(std::vector<asked> const& all, int vocabulary, int room) {
  std::vector<infer::generation> results;
  for (auto const& a : all) {
    toy_engine model(vocabulary, room);
    sampler choose(a.sampling);
    results.push_back(batch(model).run(a.prompt, choose, options_of(a)));
  }
  return results;
}

std::vector<infer::generation> together(toy_engine& model, std::vector<asked> const& all, infer::drafter* guesses = nullptr) {
  std::vector<infer::generation> results(all.size());
  std::vector<sampler> choose;
  for (auto const& a : all) choose.emplace_back(a.sampling);
  batch b(model, guesses);
  for (std::size_t i = 0; i < all.size(); ++i)
    b.add({all[i].prompt, &choose[i], options_of(all[i]), [&results, i](infer::generation g) { results[i] = std::move(g); }});
  while (b.step()) {
  }
  return results;
}

void check_same(std::vector<infer::generation> const& found, std::vector<infer::generation> const& expected) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    INFO("request " << i);
    CHECK(found[i].tokens == expected[i].tokens);
    CHECK(found[i].end == expected[i].end);
  }
}

}  // namespace

TEST_CASE("every request gets the tokens that it would get alone") {
  auto const all = made_requests(1, 40, 30, 120);
  auto const expected = alone(all, 30, 120);
  for (int const sequences : {1, 2, 3, 16, 64}) {
    INFO(sequences << " sequences");
    toy_engine model(30, 120, sequences);
    check_same(together(model, all), expected);
  }
  for (int const pages : {8, 9, 13, 30}) {  // a request can need 8; some wait, some that ended are forgotten
    INFO(pages << " pages");
    toy_engine model(30, 120, 6, pages);
    check_same(together(model, all), expected);
  }
}

TEST_CASE("sequences decode together, one row each, and a free place is taken at once") {
  toy_engine model(50, 100, 3);
  std::vector<asked> all;
  for (int i = 0; i < 4; ++i) all.push_back({{i, 1, 2}, {}, i == 1 ? 3 : 10});
  check_same(together(model, all), alone(all, 50, 100));
  REQUIRE(model.calls.size() == 13);  // 1 with the three prompts; the fourth comes when the second has its 3 tokens
  CHECK(model.calls[0].size() == 9);
  CHECK(model.calls[1].size() == 3);
  CHECK(model.calls[2].size() == 3);
  CHECK(model.calls[3].size() == 5);  // a prompt is read beside the others' next tokens
  CHECK(model.calls[4].size() == 3);
  CHECK(model.calls[12].size() == 1);
}

TEST_CASE("what prompts have in common is computed once, and kept once") {
  toy_engine model(50, 400, 4);
  std::vector<int> start(200);
  for (std::size_t i = 0; i < start.size(); ++i) start[i] = int(i * 7 % 50);
  std::vector<asked> all;
  for (int i = 0; i < 4; ++i) all.push_back({start, {}, 5});
  for (int i = 0; i < 4; ++i) all[std::size_t(i)].prompt.push_back(i);
  check_same(together(model, all), alone(all, 50, 400));
  std::size_t rows = 0;
  for (auto const& c : model.calls) rows += c.size();
  CHECK(rows == 200 + 4 * 5);  // each one's last token of the prompt, and four after it
  CHECK(model.used_pages() == 12 + 4);
}

TEST_CASE("requests may come while others are at work") {
  toy_engine model(50, 100, 2);
  auto const all = made_requests(2, 12, 50, 100);
  std::vector<infer::generation> results(all.size());
  std::vector<sampler> choose;
  for (auto const& a : all) choose.emplace_back(a.sampling);
  batch b(model);
  std::size_t next = 0;
  std::function<void()> const add = [&] {
    if (std::size_t const i = next; i < all.size()) {
      ++next;
      b.add({all[i].prompt, &choose[i], options_of(all[i]), [&, i](infer::generation g) { results[i] = std::move(g), add(); }});
    }
  };
  add(), b.step(), add(), b.step(), add();
  while (b.step()) {
  }
  check_same(results, alone(all, 50, 100));
}

TEST_CASE("what throws drops all requests, and the next one finds all in order") {
  toy_engine model(50, 100, 2);
  sampler greedy({});
  batch b(model);
  std::vector<int> const prompt{1, 2, 3};
  b.add({prompt, &greedy});
  int count = 0;
  CHECK_THROWS_AS(b.run(prompt, greedy, {.on_token = [&](int) { if (++count == 4) throw error("test", "enough"); }}), error);
  CHECK(!b.step());
  CHECK(b.run(prompt, greedy, {.max_tokens = 9}).tokens == continuation(model, prompt, 9));
}

TEST_CASE("a request that can never fit into the cache is refused") {
  toy_engine model(50, 100, 2, 3);  // 48 positions
  sampler greedy({});
  batch b(model);
  std::vector<int> const prompt(20, 1);
  CHECK_THROWS_MATCHES(b.run(prompt, greedy, {.max_tokens = 29}), error,
                       MessageMatches(ContainsSubstring("expected at most 3 pages, found 4")));
  CHECK(b.run(prompt, greedy, {.max_tokens = 28}).tokens == continuation(model, prompt, 28));
}
