#pragma once
// Llama 3's chat format: each message behind a header with its role, and <|eot_id|> at its end, all special tokens that
// no user can write. Source: the model cards of Llama 3 and 3.1.
#include <optional>
#include <string>

#include "cria/infer/chat/format.hpp"

namespace cria::infer {

/// Llama 3's turns.
class llama3_format : public chat_format {
 public:
  /// `preamble` begins every system text, and is one alone where none is given; Llama 3.1 has dates there.
  /// Throws cria::error when the vocabulary lacks the special tokens.
  llama3_format(text::tokenizer const& t, std::optional<std::string> preamble)
      : tokens(t),
        start(detail::special_token(t, "<|start_header_id|>", "Llama 3's chat format")),
        end(detail::special_token(t, "<|end_header_id|>", "Llama 3's chat format")),
        eot(detail::special_token(t, "<|eot_id|>", "Llama 3's chat format")),
        own_system(std::move(preamble)) {
    add_stop(eot);
    add_stop(t.find_special("<|eom_id|>"));
    add_stop(t.find_special("<|end_of_text|>"));
    add_stop(t.eos());
  }

  /// Whether the vocabulary has the special tokens.
  static bool known_to(text::tokenizer const& t) {
    return t.find_special("<|start_header_id|>") >= 0 && t.find_special("<|end_header_id|>") >= 0 &&
           t.find_special("<|eot_id|>") >= 0;
  }

  std::string_view name() const override { return "llama3"; }

  std::vector<int> prompt(std::optional<std::string> const& system, std::span<exchange const> before,
                          std::string_view user) const override {
    detail::prompt_writer out(tokens);
    if (tokens.bos() >= 0) out.special(tokens.bos());
    auto const header = [&](std::string_view role) { out.special(start).text(role).special(end).text("\n\n"); };
    auto const message = [&](std::string_view role, std::string const& text) {
      header(role), out.text(text).special(eot);
    };
    auto const stripped = [](std::string_view text) { return std::string(detail::strip(text)); };
    if (system || own_system) message("system", own_system.value_or("") + stripped(system.value_or("")));
    for (auto const& e : before) message("user", stripped(e.user)), message("assistant", stripped(e.answer));
    message("user", stripped(user));
    header("assistant");
    return out.finish();
  }

 private:
  text::tokenizer const& tokens;
  int start, end, eot;
  std::optional<std::string> own_system;
};

}  // namespace cria::infer
