#pragma once
// How likely a model finds a text: the log-probability of each token given those before it.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/infer/engine.hpp"

namespace cria::infer {

/// A token with its log-probability (natural logarithm).
using ranked = std::pair<int, double>;

/// Log-probabilities of a text, in nats.
struct scores {
  std::vector<std::optional<double>> logprobs;  // [tokens]; a window's first token has nothing before it: none
  std::vector<std::vector<ranked>> top;         // [tokens] where asked for: the likeliest in its place, in order
  int scored = 0;                               // tokens that have a log-probability
  double nll = 0;                               // their mean, negated

  double perplexity() const { return std::exp(nll); }
};

/// How a text is scored.
struct scoring_options {
  int window = 0;  // tokens that are read together, each window from an empty cache; 0: the engine's room
  int top = 0;     // how many of the likeliest to return for each token
};

/// log of the sum of exp, in f64 throughout: in f32 the small terms of a large vocabulary are lost. Throws cria::error
/// when it is not a finite number.
inline double log_sum_exp(std::span<float const> logits) {
  float const largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (float const x : logits) sum += std::exp(double(x) - double(largest));
  double const result = double(largest) + std::log(sum);
  if (!std::isfinite(result)) throw error("logits", "their log-sum-exp", "a finite number", fmt::format("{}", result));
  return result;
}

namespace detail {

inline std::vector<ranked> likeliest(std::span<float const> logits, int count, double log_sum) {
  std::vector<int> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  auto const end = order.begin() + std::min<std::ptrdiff_t>(count, std::ssize(order));
  std::partial_sort(order.begin(), end, order.end(), [&](int a, int b) {
    auto const x = logits[std::size_t(a)], y = logits[std::size_t(b)];
    return x != y ? x > y : a < b;
  });
  std::vector<ranked> result;
  for (auto i = order.begin(); i != end; ++i) result.emplace_back(*i, double(logits[std::size_t(*i)]) - log_sum);
  return result;
}

}  // namespace detail

/// Scores `tokens`, window by window. Logits are asked for in pieces of a few MB. Throws cria::error for fewer than two
/// tokens and for a window below 2 or above the engine's room.
inline scores score(engine& model, std::span<int const> tokens, scoring_options const& options) {
  if (tokens.size() < 2) throw error("text", "nothing to score", "at least 2 tokens", fmt::format("{}", tokens.size()));
  int const window = options.window == 0 ? model.room() : options.window;
  if (window < 2 || window > model.room())
    throw error("--window", "out of range", fmt::format("2 to {}", model.room()), fmt::format("{}", window));
  if (options.top < 0 || options.top > model.vocabulary())
    throw error("--top", "out of range", fmt::format("0 to {}", model.vocabulary()), fmt::format("{}", options.top));

  auto const vocabulary = std::size_t(model.vocabulary());
  for (std::size_t i = 0; i < tokens.size(); ++i)
    if (tokens[i] < 0 || std::size_t(tokens[i]) >= vocabulary)
      throw error("--tokens", fmt::format("token {}", i), fmt::format("0 to {}", vocabulary - 1),
                  fmt::format("{}", tokens[i]));
  auto const piece = std::max<std::size_t>(1, (std::size_t(8) << 20) / (vocabulary * sizeof(float)));
  scores result;
  double sum = 0;
  std::vector<row> rows;
  for (std::size_t begin = 0; begin < tokens.size(); begin += std::size_t(window)) {
    auto const end = std::min(tokens.size(), begin + std::size_t(window));
    result.logprobs.emplace_back(std::nullopt);
    if (options.top > 0) result.top.emplace_back();
    for (std::size_t at = begin; at + 1 < end; at += rows.size()) {  // the last token of a window predicts nothing
      rows.clear();
      for (std::size_t i = at; i < std::min(at + piece, end - 1); ++i) rows.push_back({tokens[i], 0, int(i - begin)});
      auto const logits = model.forward(rows, logits::all);
      for (std::size_t r = 0; r < rows.size(); ++r) {
        auto const here = logits.subspan(r * vocabulary, vocabulary);
        double const log_sum = log_sum_exp(here);
        double const logprob = double(here[std::size_t(tokens[at + r + 1])]) - log_sum;
        result.logprobs.emplace_back(logprob);
        if (options.top > 0) result.top.push_back(detail::likeliest(here, options.top, log_sum));
        sum -= logprob;
        ++result.scored;
      }
    }
  }
  result.nll = sum / result.scored;
  return result;
}

}  // namespace cria::infer
