#pragma once
// What is asked of a generation, and what comes of it.
#include <csignal>
#include <functional>
#include <vector>

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

/// When a generation ends, and who sees it.
struct generation_options {
  int max_tokens = 0x7fffffff;
  std::vector<int> stops{};
  std::function<void(int)> on_token{};                    // each token as it comes
  std::sig_atomic_t const volatile* interrupt = nullptr;  // looked at before every token; non-zero ends the generation
};

/// What came of a request.
struct generation {
  std::vector<int> tokens;  // without the stop token
  ending end = ending::max_tokens;
  // A pass that serves several sequences is shared out by rows.
  work_done prompt;  // only what was not in the cache already
  work_done answer;  // tokens after the first, which comes with the prompt; drafting is in the seconds and bytes
  int drafted = 0, accepted = 0;  // tokens that were guessed, and those of them that came
};

}  // namespace cria::infer
