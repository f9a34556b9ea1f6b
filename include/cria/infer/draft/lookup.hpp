#pragma once
// Guesses by looking back: text that repeats itself goes on as it did the last time (Saxena 2023, "Prompt Lookup Decoding").
#include <algorithm>

#include "cria/infer/draft/drafter.hpp"

namespace cria::infer {

/// Goes on as the text did after the last occurrence of its last three tokens, or two.
class lookup_drafter final : public drafter {
 public:
  work_done draft(std::span<guess> guesses) override {
    for (auto& g : guesses) {
      for (std::size_t const length : {3u, 2u}) {
        auto const from = after_last_match(g.text, length);
        if (from == g.text.size()) continue;
        for (std::size_t i = from; int(g.tokens.size()) < g.most; ++i)  // a repetition may run on into itself
          g.tokens.push_back(i < g.text.size() ? g.text[i] : g.tokens[i - g.text.size()]);
        break;
      }
    }
    return {};
  }

 private:
  /// Where the text goes on after the last earlier occurrence of its `length` last tokens; its size where there is none.
  static std::size_t after_last_match(std::span<int const> text, std::size_t length) {
    if (text.size() <= length) return text.size();
    auto const suffix = text.last(length), before = text.first(text.size() - 1);
    auto const found = std::find_end(before.begin(), before.end(), suffix.begin(), suffix.end());
    return found == before.end() ? text.size() : std::size_t(found - before.begin()) + length;
  }
};

}  // namespace cria::infer
