#pragma once
// Guesses of how a text goes on. The engine verifies many guesses in one pass over its weights, and what it chooses is what
// it would have chosen without them (Leviathan et al. 2022, arXiv 2211.17192, with the sampler's own draws in place of the
// acceptance test).
#include <span>
#include <vector>

#include "cria/infer/generate.hpp"
#include "cria/infer/sampler.hpp"

namespace cria::infer {

/// A request for a guess, and the answer.
struct guess {
  int sequence;
  std::span<int const> text;  // of the sequence so far, not empty
  sampler const* choose;      // in the state in which it will draw the next token
  int most;                   // tokens that are wanted
  std::vector<int> tokens{};  // at most so many
};

/// Proposes tokens that may come next.
class drafter {
 public:
  virtual ~drafter() = default;

  /// Fills in `tokens` of all guesses, each for another sequence; returns what that took.
  virtual work_done draft(std::span<guess> guesses) = 0;

  /// What another token of a guess takes, judged by those before.
  virtual double seconds_per_token() const { return 0; }
};

}  // namespace cria::infer
