#pragma once
// Mistral's first chat format: [INST] and [/INST] as in Llama 2, but one bos for all, and the system text, without
// tags, in front of the first message. Source: mistral-common's tokenizer v1.
#include <array>
#include <string>

#include "cria/infer/chat/format.hpp"

namespace cria::infer {

/// Mistral's turns.
class mistral_format : public chat_format {
 public:
  /// Throws cria::error when the vocabulary has no bos or eos.
  explicit mistral_format(text::tokenizer const& t) : tokens(t) {
    if (t.bos() < 0 || t.eos() < 0)
      throw error("vocabulary", "cannot write Mistral's chat format", "bos and eos tokens", "none");
    add_stop(t.eos());
    add_stop(t.bos());
  }

  std::string_view name() const override { return "mistral"; }

  std::vector<int> prompt(std::optional<std::string> const& system, std::span<exchange const> before,
                          std::string_view user) const override {
    if (system) detail::refuse_tags(*system, "system text", tags);
    std::string front = system ? *system + "\n\n" : "";
    bool const puts_blank = detail::puts_blanks(tokens);  // behind bos and eos by itself
    detail::prompt_writer out(tokens);
    out.special(tokens.bos());
    auto const instruction = [&](std::string_view text) {
      detail::refuse_tags(text, "message", tags);
      out.text(puts_blank ? "[INST] " : " [INST] ").text(std::exchange(front, "")).text(text).text(" [/INST]");
    };
    for (auto const& e : before) {
      instruction(e.user);
      out.text(" ").text(e.answer).special(tokens.eos());
    }
    instruction(user);
    return out.finish();
  }

 private:
  static constexpr std::array<std::string_view, 2> tags{"[INST]", "[/INST]"};

  text::tokenizer const& tokens;
};

}  // namespace cria::infer
