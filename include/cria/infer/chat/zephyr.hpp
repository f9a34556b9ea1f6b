#pragma once
// Zephyr's chat format, TinyLlama's too: a line with the role, the text, and eos at its end. The roles' marks are
// special tokens in some vocabularies, in others ordinary text. Source: Zephyr's model card.
#include <array>
#include <string>

#include "cria/infer/chat/format.hpp"

namespace cria::infer {

/// Zephyr's turns.
class zephyr_format : public chat_format {
 public:
  /// Throws cria::error when the vocabulary has no eos.
  explicit zephyr_format(text::tokenizer const& t) : tokens(t) {
    if (t.eos() < 0) throw error("vocabulary", "cannot write Zephyr's chat format", "an eos token", "none");
    add_stop(t.eos());
    add_stop(t.find_special(user_mark));
  }

  std::string_view name() const override { return "zephyr"; }

  std::vector<int> prompt(std::optional<std::string> const& system, std::span<exchange const> before,
                          std::string_view user) const override {
    detail::prompt_writer out(tokens);
    auto const message = [&](std::string_view mark, std::string_view text) {
      out.mark(mark).text("\n").text(text).special(tokens.eos()).text("\n");
    };
    if (system) message(system_mark, checked(*system, "system text"));
    for (auto const& e : before) message(user_mark, checked(e.user, "message")), message(assistant_mark, e.answer);
    message(user_mark, checked(user, "message"));
    return out.mark(assistant_mark).text("\n").finish();
  }

 private:
  static constexpr std::string_view system_mark = "<|system|>", user_mark = "<|user|>",
                                    assistant_mark = "<|assistant|>";

  std::string_view checked(std::string_view text, std::string_view where) const {
    for (auto const& mark : {system_mark, user_mark, assistant_mark})
      if (tokens.find_special(mark) < 0) detail::refuse_tags(text, where, std::span(&mark, 1));
    return text;
  }

  text::tokenizer const& tokens;
};

}  // namespace cria::infer
