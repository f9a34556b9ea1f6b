#pragma once
// Gemma's chat format: turns of user and model between `<start_of_turn>` and `<end_of_turn>`. There is no system turn;
// Gemma 3 puts the system text in front of the first user's, and so are the others written. Source: Gemma's "formatting
// and system instructions".
#include <string>

#include "cria/infer/chat/format.hpp"

namespace cria::infer {

/// Gemma's turns.
class gemma_format : public chat_format {
 public:
  /// Throws cria::error when the vocabulary lacks the special tokens.
  explicit gemma_format(text::tokenizer const& t)
      : tokens(t),
        start(detail::special_token(t, "<start_of_turn>", "Gemma's chat format")),
        end(detail::special_token(t, "<end_of_turn>", "Gemma's chat format")) {
    add_stop(end);
    add_stop(t.eos());
  }

  /// Whether the vocabulary has the special tokens.
  static bool known_to(text::tokenizer const& t) {
    return t.find_special("<start_of_turn>") >= 0 && t.find_special("<end_of_turn>") >= 0;
  }

  std::string_view name() const override { return "gemma"; }

  std::vector<int> prompt(std::optional<std::string> const& system, std::span<exchange const> before,
                          std::string_view user) const override {
    detail::prompt_writer out(tokens);
    if (tokens.bos() >= 0) out.special(tokens.bos());
    std::string front = system ? *system + "\n\n" : "";
    auto const turn = [&](std::string_view role, std::string_view text) {
      out.special(start)
          .text(role)
          .text("\n")
          .text(std::exchange(front, ""))
          .text(detail::strip(text))
          .special(end)
          .text("\n");
    };
    for (auto const& e : before) turn("user", e.user), turn("model", e.answer);
    turn("user", user);
    return out.special(start).text("model\n").finish();
  }

 private:
  text::tokenizer const& tokens;
  int start, end;
};

}  // namespace cria::infer
