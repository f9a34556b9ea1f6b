#pragma once
// The flags of how tokens are drawn.
#include <CLI/CLI.hpp>

#include "cria/core/error.hpp"
#include "cria/infer/sampler.hpp"
#include "program.hpp"

namespace support {

inline void add_sampling(CLI::App& arguments, cria::infer::sampling& s) {
  add_number(arguments, "--temperature", s.temperature, "0: always the likeliest token")->capture_default_str();
  add_number(arguments, "--top-k", s.top_k, "draw from the k likeliest tokens; 0: from all")->capture_default_str();
  add_number(arguments, "--top-p", s.top_p, "draw from the likeliest tokens with this share of the probability")
      ->capture_default_str();
  add_number(arguments, "--min-p", s.min_p, "draw from tokens with at least this share of the likeliest one's")
      ->capture_default_str();
  add_number(arguments, "--seed", s.seed, "the same seed draws the same tokens")->capture_default_str();
}

inline void add_max_tokens(CLI::App& arguments, int& most) {
  add_number(arguments, "--max-tokens", most, "how long an answer may be")->capture_default_str();
}
inline void check_max_tokens(int most) {
  if (most < 1) throw cria::error("--max-tokens", "out of range", "a positive number", std::to_string(most));
}

}  // namespace support
