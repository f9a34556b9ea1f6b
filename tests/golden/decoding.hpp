#pragma once
// What the golden decoding cases share: greedy tokens with their logits, losses of texts, and bits.
#include <cstring>
#include <random>

#include "cria/infer/score.hpp"
#include "difference.hpp"
#include "engines.hpp"
#include "support/paths.hpp"

namespace cria::test {

/// Rows of one sequence from position `begin` on.
inline std::vector<infer::row> rows_of(std::span<int const> tokens, int begin, int sequence = 0) {
  std::vector<infer::row> rows;
  for (int const token : tokens) rows.push_back({token, sequence, begin++});
  return rows;
}

struct greedy_run {
  std::vector<int> ids;         // the new ones
  std::vector<float> logits;    // [ids, vocabulary]: what each was chosen from
};

/// `count` tokens after the prompt, each the likeliest.
inline greedy_run run_greedily(infer::engine& model, std::vector<int> const& prompt, std::size_t count) {
  greedy_run r;
  auto logits = model.forward(rows_of(prompt, 0), infer::logits::last);
  while (true) {
    r.logits.insert(r.logits.end(), logits.begin(), logits.end());
    r.ids.push_back(argmax(logits));
    if (r.ids.size() == count) return r;
    logits =
        model.forward(rows_of(std::span(r.ids).last(1), int(prompt.size() + r.ids.size()) - 1), infer::logits::last);
  }
}

/// The reference's largest logits of each step, [ids, count]; nothing else may be larger.
inline void check_top(greedy_run const& run, std::vector<int> const& ids, std::vector<float> const& top,
                      double tolerance) {
  REQUIRE(ids.size() == top.size());
  std::size_t const steps = run.ids.size(), count = ids.size() / steps, vocabulary = run.logits.size() / steps;
  for (std::size_t i = 0; i < steps; ++i) {
    std::vector<float> logits(run.logits.begin() + std::ptrdiff_t(i * vocabulary),
                              run.logits.begin() + std::ptrdiff_t((i + 1) * vocabulary));
    std::vector<float> found;
    for (std::size_t k = 0; k < count; ++k)
      found.push_back(std::exchange(logits[std::size_t(ids[i * count + k])], -HUGE_VALF));
    std::span const expected(top.data() + i * count, count);
    INFO("token " << i);
    CHECK(largest_difference(found, expected) < tolerance);
    CHECK(*std::ranges::max_element(logits) < expected.back() + tolerance);
  }
}

/// Windows of tokens, each read from an empty cache; a window's first token has no loss. Returns perplexity.
inline double check_losses(infer::engine& model, nlohmann::json const& ids, nlohmann::json const& losses,
                           double tolerance) {
  REQUIRE(!ids.empty());
  double sum = 0;
  int scored = 0;
  for (std::size_t w = 0; w < ids.size(); ++w) {
    auto const tokens = ids[w].get<std::vector<int>>();
    auto const expected = losses[w].get<std::vector<double>>();
    auto const s = infer::score(model, tokens, {});
    REQUIRE(s.logprobs.size() == expected.size() + 1);
    double largest = 0;
    for (std::size_t i = 0; i < expected.size(); ++i)
      largest = std::max(largest, std::abs(-*s.logprobs[i + 1] - expected[i]));
    INFO("window " << w);
    CHECK(largest < tolerance);
    sum += s.nll * s.scored, scored += s.scored;
  }
  return std::exp(sum / scored);
}

/// All logits of `tokens`, computed in pieces of the given sizes in turn.
inline std::vector<float> logits_in_pieces(infer::engine& model, std::vector<int> const& tokens,
                                           std::vector<std::size_t> const& sizes) {
  std::vector<float> all;
  for (std::size_t at = 0, turn = 0; at < tokens.size(); ++turn) {
    auto const n = std::min(sizes[turn % sizes.size()], tokens.size() - at);
    auto const part = model.forward(rows_of(std::span(tokens).subspan(at, n), int(at)), infer::logits::all);
    all.insert(all.end(), part.begin(), part.end());
    at += n;
  }
  return all;
}

/// One pass, odd chunks, one token at a time, chunks cut by the engine; one thread and two: the same bits.
inline void check_bits(opener& open, llama2::weight_file const& file, std::vector<int> const& tokens) {
  auto const room = int(tokens.size());
  auto const engine = open(file, {.room = room, .rows = room}, 1);
  auto const whole = logits_in_pieces(*engine, tokens, {tokens.size()});
  REQUIRE(largest_magnitude(whole) > 0);
  auto const same = [&](infer::engine& model, std::vector<std::size_t> const& sizes) {
    auto const found = logits_in_pieces(model, tokens, sizes);
    return found.size() == whole.size() && std::memcmp(found.data(), whole.data(), whole.size() * sizeof(float)) == 0;
  };
  CHECK(same(*engine, {7, 1, 33, 8, 19}));
  CHECK(same(*engine, {1}));
  for (int const threads : {1, 2}) {
    auto const other = open(file, {.room = room + 100, .sequences = 2, .rows = 13}, threads);
    INFO(threads << " threads");
    CHECK(same(*other, {tokens.size()}));
    CHECK(same(*other, {40, 1}));
    CHECK(same(*other, {1}));
  }
}

}  // namespace cria::test
