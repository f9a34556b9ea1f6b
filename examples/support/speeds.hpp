#pragma once
// How fast a model answered.
#include <string>

#include <fmt/format.h>

#include "cria/infer/engine.hpp"
#include "cria/infer/generate.hpp"

namespace support {

/// All answers of a program's run, added up.
struct speeds {
  cria::infer::work_done prompt, answer;
  int answer_tokens = 0, drafted = 0, accepted = 0;

  void add(cria::infer::generation const& g) {
    prompt += g.prompt, answer += g.answer;
    answer_tokens += int(g.tokens.size());
    drafted += g.drafted, accepted += g.accepted;
  }

  /// How often guesses were right; nothing where there were none.
  std::string guesses() const {
    return drafted > 0 ? fmt::format("; {} of {} guessed tokens were right", accepted, drafted) : "";
  }

  /// One line; the first token of an answer comes with the prompt, so its speed is that of the others.
  std::string line(cria::infer::engine& model) const {
    auto text = fmt::format("prompt {} tokens, {:.1f} tokens/s; answer {} tokens", prompt.tokens, prompt.per_second(),
                            answer_tokens);
    if (answer.tokens == 0) return text + guesses();
    double const used = answer.bytes / answer.seconds, possible = model.read_bandwidth();
    return text + fmt::format(", {:.1f} tokens/s, {:.0f} % of the read bandwidth ({:.1f} of {:.1f} GB/s)",
                              answer.per_second(), 100 * used / possible, used / 1e9, possible / 1e9) + guesses();
  }
};

}  // namespace support
