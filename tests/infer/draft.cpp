// Guesses change the number of passes and never the tokens.
#include "cria/infer/batch.hpp"
#include "cria/infer/draft/lookup.hpp"
#include "cria/infer/draft/model.hpp"

#include <chrono>
#include <thread>

#include <catch2/catch_test_macros.hpp>

#include "infer/toy_engine.hpp"

using namespace cria;
using infer::batch, infer::guess, infer::sampler;
using test::toy_engine;

namespace {

/// A text that repeats itself with a period, but for every `slip`-th token.
class periodic : public toy_engine {
 public:
  periodic(int period, int slip, int tokens, int positions, int sequences = 1)
      : toy_engine(tokens, positions, sequences), period_(period), slip_(slip) {}
  int likeliest(std::vector<int> const& before) const override {
    bool const new_one = int(before.size()) < period_ || (slip_ > 0 && int(before.size()) % slip_ == 0);
    return new_one ? toy_engine::likeliest(before) : before[before.size() - std::size_t(period_)];
  }

  /// A pass takes long and a row of it nearly nothing, as with a model: else no guess would pay.
  std::span<float const> forward(std::span<infer::row const> rows, infer::logits want) override {
    std::this_thread::sleep_for(pause);
    return toy_engine::forward(rows, want);
  }
  std::chrono::microseconds pause{0};

 private:
  int period_, slip_;
};

/// Guesses by what it is told.
class oracle : public infer::drafter {
 public:
  oracle(toy_engine const& e, int every_wrong) : model_(e), wrong_(every_wrong) {}
  infer::work_done draft(std::span<guess> guesses) override {
    for (auto& g : guesses) {
      std::vector<int> text(g.text.begin(), g.text.end());
      while (int(g.tokens.size()) < g.most) {
        int const right = model_.likeliest(text);
        g.tokens.push_back(wrong_ > 0 && int(text.size()) % wrong_ == 0 ? (right + 1) % model_.vocabulary() : right);
        text.push_back(g.tokens.back());
      }
      asked += int(g.tokens.size());
    }
    return {};
  }
  int asked = 0;

 private:
  toy_engine const& model_;
  int wrong_;
};

std::vector<int> guessed(infer::drafter& d, std::vector<int> const& text, int most) {
  sampler const greedy({});
  guess g{0, text, &greedy, most};
  d.draft({&g, 1});
  return g.tokens;
}

struct outcome {
  infer::generation result;
  std::size_t passes;
};
outcome generate(toy_engine& model, infer::drafter* d, infer::sampling const& s,
                 infer::generation_options const& options = {.max_tokens = 300}) {
  sampler choose(s);
  std::vector<int> const prompt{3, 1, 4, 1, 5};
  model.calls.clear();
  auto g = batch(model, d).run(prompt, choose, options);
  return {std::move(g), model.calls.size()};
}

}  // namespace

TEST_CASE("a look back finds the last occurrence of the last three tokens, or two") {
  infer::lookup_drafter d;
  CHECK(guessed(d, {1, 2, 3, 4, 5, 9, 1, 2, 3}, 3) == std::vector{4, 5, 9});
  CHECK(guessed(d, {1, 2, 3, 4, 1, 2, 3, 5, 1, 2, 3}, 2) == std::vector{5, 1});
  CHECK(guessed(d, {7, 2, 3, 4, 8, 2, 3}, 2) == std::vector{4, 8});
  CHECK(guessed(d, {1, 2, 3, 4, 7, 2, 3, 5, 1, 2, 3}, 1) == std::vector{4});
  CHECK(guessed(d, {1, 2, 1, 2}, 5) == std::vector{1, 2, 1, 2, 1});
  CHECK(guessed(d, {6, 6, 6}, 4) == std::vector{6, 6, 6, 6});
  CHECK(guessed(d, {1, 2, 3, 4}, 3).empty());
  CHECK(guessed(d, {1, 2}, 3).empty());
  CHECK(guessed(d, {1}, 3).empty());
}

TEST_CASE("the tokens are the same with any guesses, drawn or not") {
  for (double const temperature : {0.0, 0.7})
    for (int const slip : {0, 1, 3, 20}) {
      INFO("temperature " << temperature << ", slip " << slip);
      infer::sampling const s{.temperature = temperature, .seed = 5};
      periodic model(7, slip, 40, 400), like_it(7, 20, 40, 400), other(5, 2, 40, 100);
      auto const expected = generate(model, nullptr, s).result;
      infer::lookup_drafter lookup;
      infer::model_drafter same(like_it), poor(other);
      oracle right(model, 0), wrong(model, 1), mixed(model, 3);
      for (infer::drafter* d : std::initializer_list<infer::drafter*>{&lookup, &same, &poor, &right, &wrong, &mixed}) {
        auto const found = generate(model, d, s);
        CHECK(found.result.tokens == expected.tokens);
        CHECK(found.result.end == expected.end);
        CHECK(found.result.answer.tokens == expected.answer.tokens);
        CHECK(found.result.accepted <= found.result.drafted);
      }
    }
}

TEST_CASE("they end where they would have ended") {
  periodic model(4, 0, 40, 60);
  infer::lookup_drafter lookup;
  oracle right(model, 0);
  for (infer::drafter* d : std::initializer_list<infer::drafter*>{&lookup, &right}) {
    for (int const most : {1, 2, 3, 20, 100}) {
      auto const expected = generate(model, nullptr, {}, {.max_tokens = most}).result;
      auto const found = generate(model, d, {}, {.max_tokens = most}).result;
      CHECK(found.tokens == expected.tokens);
      CHECK(found.end == expected.end);
    }
    int const stop = model.likeliest({3, 1, 4, 1, 5});
    CHECK(generate(model, d, {}, {.stops = {stop}}).result.tokens ==
          generate(model, nullptr, {}, {.stops = {stop}}).result.tokens);
  }
  CHECK(generate(model, &right, {}, {}).result.end == infer::ending::context_full);
}

TEST_CASE("good guesses save passes, poor ones cost few rows") {
  periodic model(7, 0, 40, 1000);
  model.pause = std::chrono::microseconds(500);
  auto const plain = generate(model, nullptr, {}, {.max_tokens = 600});
  oracle right(model, 0);
  auto const good = generate(model, &right, {}, {.max_tokens = 600});
  CHECK(plain.passes == 600);
  CHECK(good.passes < 200);
  CHECK(good.result.accepted == good.result.drafted);

  oracle wrong(model, 1);
  auto const poor = generate(model, &wrong, {}, {.max_tokens = 600});
  CHECK(poor.passes == 600);
  CHECK(poor.result.accepted == 0);
  CHECK(poor.result.drafted < 150);
}

TEST_CASE("a model that is the same guesses right, with the numbers that will be drawn, and its cache follows") {
  periodic model(9, 4, 40, 1000), twin(9, 4, 40, 1000);
  model.pause = std::chrono::microseconds(500);
  infer::model_drafter d(twin);
  auto const drawn = generate(model, &d, {.temperature = 0.9, .seed = 3});
  CHECK(drawn.result.drafted > 0);
  CHECK(drawn.result.accepted == drawn.result.drafted);
  twin.calls.clear();
  guessed(d, {8, 8, 8, 8}, 2);
  guessed(d, {8, 8, 8, 8, 9, 9}, 2);
  REQUIRE(twin.calls.size() == 4);
  CHECK(twin.calls[2].size() == 2);  // the first guess was wrong
  CHECK(guessed(d, std::vector<int>(1000, 1), 3).size() == 1);
  CHECK(guessed(d, std::vector<int>(1001, 1), 3).empty());
}

TEST_CASE("sequences that decode together are guessed together") {
  periodic model(7, 5, 40, 200, 3), alone(7, 5, 40, 200), twin(7, 5, 40, 200, 3);
  model.pause = std::chrono::microseconds(500);
  infer::lookup_drafter lookup;
  infer::model_drafter same(twin);
  for (infer::drafter* d : std::initializer_list<infer::drafter*>{&lookup, &same}) {
    batch b(model, d);
    std::vector<infer::generation> found(6);
    std::vector<sampler> choose;
    for (std::size_t i = 0; i < 6; ++i) choose.emplace_back(infer::sampling{.temperature = double(i % 2) * 0.5, .seed = i});
    for (std::size_t i = 0; i < 6; ++i)
      b.add({{int(i), 2, 3}, &choose[i], {.max_tokens = 60 + int(i)}, [&found, i](infer::generation g) {
               found[i] = std::move(g);
             }});
    while (b.step()) {
    }
    int accepted = 0;
    for (std::size_t i = 0; i < 6; ++i) {
      sampler again(infer::sampling{.temperature = double(i % 2) * 0.5, .seed = i});
      std::vector<int> const prompt{int(i), 2, 3};
      CHECK(found[i].tokens == batch(alone).run(prompt, again, {.max_tokens = 60 + int(i)}).tokens);
      accepted += found[i].accepted;
    }
    CHECK(accepted > 0);
  }
}

TEST_CASE("the length of a guess follows what came of those before, and what a row costs") {
  infer::draft_length good, poor, dear;
  for (int i = 0; i < 20; ++i) good.took(4, 4), poor.took(4, 0);
  CHECK(good.next(0.1, 1, 16) == 16);
  CHECK(good.next(0.1, 1, 3) == 3);
  CHECK(good.next(0.1, 1, 0) == 0);
  CHECK(good.next(1.5, 1, 16) == 1);  // a try
  CHECK(dear.next(0.1, 1, 16) > dear.next(0.3, 1, 16));
  CHECK(dear.next(0.1, 1, 16) > dear.next(0.1, 6, 16));
  std::vector<int> tries;
  for (int i = 0; i < 200; ++i)
    if (poor.next(0.1, 1, 16) > 0) tries.push_back(i), poor.took(1, 0);
  CHECK(tries == std::vector{0, 2, 5, 10, 19, 36, 69, 134, 199});
  for (int i = 0; i < 64; ++i) CHECK(poor.next(0.1, 1, 16) == 0);
  CHECK(poor.next(0.1, 1, 16) == 1);
  poor.took(0, 0);  // nothing was found: the try is still to come
  CHECK(poor.next(0.1, 1, 16) == 1);
  poor.took(1, 1);
  CHECK(poor.next(0.02, 1, 16) > 1);
  int rows = 0;  // however likely, it does not pay where a row costs what it brings
  for (int i = 0; i < 200; ++i)
    if (int const n = good.next(0.1, 16, 16)) rows += n, good.took(n, n);
  CHECK(rows == 8);

  infer::pass_time t;
  CHECK(t.share_of_row(1, 0) == 0.125);
  for (int i = 0; i < 300; ++i) t.add(1 + i % 5, 0.010 + 0.002 * (i % 5));
  CHECK(std::abs(t.share_of_row(1, 0) - 0.2) < 1e-6);
  CHECK(std::abs(t.share_of_row(1, 0.005) - 0.7) < 1e-6);
  CHECK(std::abs(t.share_of_row(6, 0) - 0.1) < 1e-6);
}
