#pragma once
// From logits to the next token: temperature, top-k, top-p and min-p, in this order, each on what the one before left.
// The conventions are those of Meta's reference code and of llama2.c where the two say anything.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/infer/random_numbers.hpp"

namespace cria::infer {

/// How a token is chosen from the logits: of the top k, at a temperature, what top p (Holtzman et al. 2019, arXiv
/// 1904.09751) and min p leave.
struct sampling {
  double temperature = 0;  // 0: always the first of the largest logits
  int top_k = 0;           // 0: all; tokens that tie with the k-th stay
  double top_p = 1;  // a token stays while the mass of the likelier ones is <= top_p; 1 keeps all, 0 the likeliest
  double min_p = 0;  // a token stays where its probability is >= min_p times the largest
  std::uint64_t seed = 0;
};

/// A token with its logit, later its probability.
struct candidate {
  int token;
  double value;
};

/// Throws cria::error naming the program's flag of the first number that is out of range or NaN.
inline void check(sampling const& s) {
  auto const within = [](std::string_view flag, double x, double low, double high, std::string_view expected) {
    if (!(x >= low && x <= high)) throw error(flag, "out of range", expected, fmt::format("{}", x));
  };
  within("--temperature", s.temperature, 0, 1e6, "a number from 0 to 1e6");
  within("--top-k", s.top_k, 0, 0x7fffffff, "0 or a positive number");
  within("--top-p", s.top_p, 0, 1, "a number from 0 to 1");
  within("--min-p", s.min_p, 0, 1, "a number from 0 to 1");
}

namespace detail {

/// The likelier candidate comes first; of equals the one with the lower id.
inline bool likelier(candidate const& a, candidate const& b) {
  return a.value != b.value ? a.value > b.value : a.token < b.token;
}

inline void keep_top_k(std::vector<candidate>& all, int k) {
  if (k <= 0 || std::size_t(k) >= all.size()) return;
  std::vector<candidate> order = all;
  std::nth_element(order.begin(), order.begin() + (k - 1), order.end(), likelier);
  double const least = order[std::size_t(k - 1)].value;
  std::erase_if(all, [least](candidate const& c) { return c.value < least; });
}

/// Probabilities that sum to 1; those that are 0 leave.
inline void normalise(std::vector<candidate>& all) {
  double sum = 0;
  for (auto const& c : all) sum += c.value;
  for (auto& c : all) c.value /= sum;
  std::erase_if(all, [](candidate const& c) { return c.value <= 0; });
}

inline void softmax(std::vector<candidate>& all, double temperature) {
  double largest = all.front().value;
  for (auto const& c : all) largest = std::max(largest, c.value);
  for (auto& c : all) c.value = std::exp((c.value - largest) / temperature);
  normalise(all);
}

/// A heap gives the likeliest one by one: the long tail is never sorted. A token other than the first and below
/// (1 - p)/(n - 1) has more than p in front of it, so most of the tail does not even enter the heap.
inline void keep_top_p(std::vector<candidate>& all, double p) {
  if (p >= 1) return;
  double largest = 0;
  for (auto const& c : all) largest = std::max(largest, c.value);
  double const least = std::min(largest, 0.999 * (1 - p) / double(all.size()));
  std::erase_if(all, [least](candidate const& c) { return c.value < least; });
  auto const below = [](candidate const& a, candidate const& b) { return likelier(b, a); };
  std::make_heap(all.begin(), all.end(), below);
  auto end = all.end();
  for (double front = 0; end != all.begin() && front <= p; --end) {
    std::pop_heap(all.begin(), end, below);
    front += (end - 1)->value;
  }
  all.erase(all.begin(), end);
  std::sort(all.begin(), all.end(), [](candidate const& a, candidate const& b) { return a.token < b.token; });
  normalise(all);
}

inline void keep_min_p(std::vector<candidate>& all, double share) {
  if (share <= 0) return;
  double largest = 0;
  for (auto const& c : all) largest = std::max(largest, c.value);
  std::erase_if(all, [=](candidate const& c) { return c.value < share * largest; });
  normalise(all);
}

}  // namespace detail

/// Chooses tokens: the same logits and seed, the same tokens.
class sampler {
 public:
  /// Throws cria::error as `check` does.
  explicit sampler(sampling const& s) : settings(s), generator(s.seed) { check(s); }

  /// The next token, of logits [vocabulary]. With a temperature it uses one number of the generator: the token at which
  /// the running sum of the probabilities, by id, passes it. Throws cria::error for NaN, +inf, or no finite logit.
  int operator()(std::span<float const> logits) {
    if (settings.temperature == 0) return largest(logits);
    auto const& kept = distribution(logits);
    double left = generator.uniform();
    for (auto const& c : kept)
      if ((left -= c.value) < 0) return c.token;
    return kept.back().token;
  }

  /// What a token is drawn from: the tokens with a probability above 0, by id, in f64; valid until the next call.
  std::vector<candidate> const& distribution(std::span<float const> logits) {
    int const first = largest(logits);
    candidates.clear();
    if (settings.temperature == 0) {
      candidates.push_back({first, 1.0});
      return candidates;
    }
    candidates.reserve(logits.size());
    for (std::size_t i = 0; i < logits.size(); ++i) candidates.push_back({int(i), double(logits[i])});
    detail::keep_top_k(candidates, settings.top_k);
    detail::softmax(candidates, settings.temperature);
    detail::keep_top_p(candidates, settings.top_p);
    detail::keep_min_p(candidates, settings.min_p);
    return candidates;
  }

 private:
  static int largest(std::span<float const> logits) {
    std::size_t best = 0;
    for (std::size_t i = 0; i < logits.size(); ++i) {
      if (!(logits[i] <= std::numeric_limits<float>::max()))
        throw error("logits", fmt::format("of token {}", i), "a number", fmt::format("{}", logits[i]));
      if (logits[i] > logits[best]) best = i;
    }
    if (logits.empty() || std::isinf(logits[best])) throw error("logits", "no token is possible");
    return int(best);
  }

  sampling settings;
  random_numbers generator;
  std::vector<candidate> candidates;
};

}  // namespace cria::infer
