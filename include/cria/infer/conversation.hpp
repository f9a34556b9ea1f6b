#pragma once
// The turns of a chat and what of them still fits into the context.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/infer/chat/format.hpp"

namespace cria::infer {

/// What was said so far, cut to what fits into the context.
class conversation {
 public:
  /// `positions` of the context, `for_answer` of them kept free for an answer (at most half). `f` must outlive this.
  conversation(chat_format const& f, std::optional<std::string> system_text, int positions, int for_answer)
      : format(f),
        system(std::move(system_text)),
        room(positions),
        reserve(std::clamp(for_answer, 1, std::max(1, positions / 2))) {}

  struct question {
    std::vector<int> tokens;
    int forgotten;  // exchanges that left to make room
  };

  /// The prompt for the next answer. The oldest exchanges leave until it fits; the system text stays. Throws
  /// cria::error, and forgets nothing, when `user` and the system text alone are too long or the format refuses the
  /// text.
  question ask(std::string user) {
    int forgotten = 0;
    auto tokens = format.prompt(system, exchanges, user);
    while (int(tokens.size()) + reserve > room && forgotten < int(exchanges.size())) {
      ++forgotten;
      tokens = format.prompt(system, std::span(exchanges).subspan(std::size_t(forgotten)), user);
    }
    if (int(tokens.size()) >= room)
      throw error("prompt", "longer than the context", fmt::format("fewer than {} tokens", room),
                  fmt::format("{}", tokens.size()));
    exchanges.erase(exchanges.begin(), exchanges.begin() + forgotten);
    pending = std::move(user);
    return {std::move(tokens), forgotten};
  }

  /// Keeps the answer to what was asked last.
  void answered(std::string answer) { exchanges.push_back({std::move(pending), std::move(answer)}); }

  void reset() { exchanges.clear(); }

  std::vector<exchange> const& history() const { return exchanges; }

 private:
  chat_format const& format;
  std::optional<std::string> system;
  int room, reserve;
  std::vector<exchange> exchanges;
  std::string pending;
};

}  // namespace cria::infer
