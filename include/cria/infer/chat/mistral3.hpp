#pragma once
// Mistral's third chat format: [INST] and [/INST] are special tokens that no user can write, with one blank inside; the system
// text is in front of the last message. Source: the model card of Mistral 7B Instruct v0.3, mistral-common's tokenizer v3.
#include <string>

#include "cria/infer/chat/format.hpp"

namespace cria::infer {

/// The turns of Mistral 7B v0.3.
class mistral3_format : public chat_format {
 public:
  /// Throws cria::error when the vocabulary lacks the special tokens, bos or eos.
  explicit mistral3_format(text::tokenizer const& t)
      : tokens(t),
        begin(detail::special_token(t, "[INST]", "Mistral's third chat format")),
        end(detail::special_token(t, "[/INST]", "Mistral's third chat format")) {
    if (t.bos() < 0 || t.eos() < 0)
      throw error("vocabulary", "cannot write Mistral's third chat format", "bos and eos tokens", "none");
    add_stop(t.eos());
    add_stop(t.bos());
  }

  /// Whether the vocabulary has the special tokens.
  static bool known_to(text::tokenizer const& t) { return t.find_special("[INST]") >= 0 && t.find_special("[/INST]") >= 0; }

  std::string_view name() const override { return "mistral3"; }

  std::vector<int> prompt(std::optional<std::string> const& system, std::span<exchange const> before,
                          std::string_view user) const override {
    std::string_view const blank = detail::puts_blanks(tokens) ? "" : " ";
    detail::prompt_writer out(tokens);
    out.special(tokens.bos());
    for (auto const& e : before)
      out.special(begin).text(blank).text(e.user).special(end).text(blank).text(detail::strip(e.answer)).special(tokens.eos());
    out.special(begin).text(blank);
    if (system) out.text(*system).text("\n\n");
    return out.text(user).special(end).finish();
  }

 private:
  text::tokenizer const& tokens;
  int begin, end;
};

}  // namespace cria::infer
