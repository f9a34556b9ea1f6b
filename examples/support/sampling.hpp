#pragma once
// The flags of how tokens are drawn.
#include <CLI/CLI.hpp>

#include "cria/core/error.hpp"
#include "cria/infer/sampler.hpp"

namespace support {

inline void add_sampling(CLI::App& arguments, cria::infer::sampling& s) {
  arguments.add_option("--temperature", s.temperature, "0: always the likeliest token")->capture_default_str();
  arguments.add_option("--top-k", s.top_k, "draw from the k likeliest tokens; 0: from all")->capture_default_str();
  arguments.add_option("--top-p", s.top_p, "draw from the likeliest tokens with this share of the probability")->capture_default_str();
  arguments.add_option("--min-p", s.min_p, "draw from tokens with at least this share of the likeliest one's")->capture_default_str();
  arguments.add_option("--seed", s.seed, "the same seed draws the same tokens")->capture_default_str();
}

inline void add_max_tokens(CLI::App& arguments, int& most) {
  arguments.add_option("--max-tokens", most, "how long an answer may be")->capture_default_str();
}
inline void check_max_tokens(int most) {
  if (most < 1) throw cria::error("--max-tokens", "out of range", "a positive number", std::to_string(most));
}

}  // namespace support
