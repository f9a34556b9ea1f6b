#pragma once
// The decode loop: a prompt in, one token after the other out.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <functional>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/infer/engine.hpp"
#include "cria/infer/sampler.hpp"

namespace cria::infer {

enum class ending { stop_token, max_tokens, context_full, interrupted };

/// Work done by the engine, in tokens, seconds, and bytes of weights and cache read.
struct work_done {
  int tokens = 0;
  double seconds = 0, bytes = 0;

  double per_second() const { return seconds > 0 ? tokens / seconds : 0; }
  work_done& operator+=(work_done const& other) {
    tokens += other.tokens, seconds += other.seconds, bytes += other.bytes;
    return *this;
  }
};

struct generation {
  std::vector<int> tokens;  // without the stop token
  ending end = ending::max_tokens;
  work_done prompt;  // only what was not in the cache already
  work_done answer;  // one pass per token after the first
};

struct generation_options {
  int max_tokens = 0x7fffffff;
  std::vector<int> stops{};
  std::function<void(int)> on_token{};                    // each token as it comes
  std::sig_atomic_t const volatile* interrupt = nullptr;  // looked at before every pass; non-zero ends the generation
};

/// One sequence of an engine, and what its cache holds.
class cached_sequence {
 public:
  explicit cached_sequence(engine& e, int which = 0) : model(e), sequence(which) {}

  /// Goes on from `prompt`. What the cache shares with it from the last time is not computed again. Throws cria::error
  /// for an empty prompt or one longer than the context.
  generation run(std::span<int const> prompt, sampler& choose, generation_options const& options) {
    if (prompt.empty()) throw error("prompt", "empty", "at least one token", "none");
    if (int(prompt.size()) > model.room())
      throw error("prompt", "longer than the context", fmt::format("at most {} tokens", model.room()),
                  fmt::format("{}", prompt.size()));
    auto const stopped = [&] { return options.interrupt && *options.interrupt; };
    generation g;
    auto logits = read(prompt, g.prompt, stopped);
    while (true) {
      if (stopped() || logits.empty()) return g.end = ending::interrupted, g;
      if (int(g.tokens.size()) >= options.max_tokens) return g.end = ending::max_tokens, g;
      int const token = choose(logits);
      if (std::find(options.stops.begin(), options.stops.end(), token) != options.stops.end())
        return g.end = ending::stop_token, g;
      g.tokens.push_back(token);
      if (options.on_token) options.on_token(token);
      if (int(g.tokens.size()) >= options.max_tokens) return g.end = ending::max_tokens, g;
      if (int(cached.size()) >= model.room()) return g.end = ending::context_full, g;
      logits = step(std::span(&token, 1), logits::last, g.answer);
    }
  }

 private:
  static constexpr int chunk = 256;  // rows between two looks at the interrupt

  /// Brings the cache to `prompt` and returns the logits of its last token; empty when interrupted.
  template <class Stopped>
  std::span<float const> read(std::span<int const> prompt, work_done& work, Stopped const& stopped) {
    auto const shared =
        std::mismatch(cached.begin(), cached.end(), prompt.begin(), prompt.end() - 1).first - cached.begin();
    cached.resize(std::size_t(shared));
    std::span<float const> result;
    for (auto left = prompt.subspan(std::size_t(shared)); !left.empty() && !stopped();) {
      auto const n = std::min<std::size_t>(left.size(), chunk);
      result = step(left.first(n), n == left.size() ? logits::last : logits::none, work);
      left = left.subspan(n);
    }
    return cached.size() == prompt.size() ? result : std::span<float const>{};
  }

  std::span<float const> step(std::span<int const> tokens, enum logits want, work_done& work) {
    rows.clear();
    for (int const token : tokens) rows.push_back({token, sequence, int(cached.size() + rows.size())});
    auto const cost = model.cost();
    auto const start = std::chrono::steady_clock::now();
    auto const result = model.forward(rows, want);
    std::chrono::duration<double> const time = std::chrono::steady_clock::now() - start;
    cached.insert(cached.end(), tokens.begin(), tokens.end());
    work +=
        {int(tokens.size()), time.count(), cost.weight_bytes + cost.cache_bytes_per_position * double(cached.size())};
    return result;
  }

  engine& model;
  int sequence;
  std::vector<int> cached;
  std::vector<row> rows;
};

}  // namespace cria::infer
