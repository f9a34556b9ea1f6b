#pragma once
// ChatML: every message between <|im_start|>role and <|im_end|>, two special tokens that no user can write.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "cria/core/error.hpp"
#include "cria/infer/chat/format.hpp"
#include "cria/text/tokenizer.hpp"

namespace cria::infer {

namespace detail {

/// What a model said after it thought, without the lines between; all of an answer without thoughts.
inline std::string_view after_thoughts(std::string_view answer) {
  constexpr std::string_view mark = "</think>";
  auto const at = answer.rfind(mark);
  if (at == answer.npos) return answer;
  answer.remove_prefix(at + mark.size());
  return answer.substr(std::min(answer.find_first_not_of('\n'), answer.size()));
}

}  // namespace detail

/// ChatML's turns.
class chatml_format : public chat_format {
 public:
  /// `default_system` is used where none is given; nothing: no system message then. With `forgets_thoughts` earlier answers
  /// are written without them, as Qwen3 does. Throws cria::error when the vocabulary lacks the two special tokens.
  chatml_format(text::tokenizer const& t, std::optional<std::string> default_system, bool forgets_thoughts = false)
      : tokens(t),
        start(detail::special_token(t, "<|im_start|>", "ChatML")),
        end(detail::special_token(t, "<|im_end|>", "ChatML")),
        own_system(std::move(default_system)),
        forgets(forgets_thoughts) {
    add_stop(end);
    add_stop(start);
    add_stop(t.eos());
  }

  /// Whether the vocabulary has both special tokens.
  static bool known_to(text::tokenizer const& t) {
    return t.find_special("<|im_start|>") >= 0 && t.find_special("<|im_end|>") >= 0;
  }

  std::string_view name() const override { return "chatml"; }

  std::vector<int> prompt(std::optional<std::string> const& system, std::span<exchange const> before,
                          std::string_view user) const override {
    detail::prompt_writer out(tokens);
    if (tokens.add_bos()) out.special(tokens.bos());
    auto const message = [&](std::string_view role, std::string_view text) {
      out.special(start).text(role).text("\n").text(text).special(end).text("\n");
    };
    if (auto const& first = system ? system : own_system) message("system", *first);
    for (auto const& e : before)
      message("user", e.user), message("assistant", forgets ? detail::after_thoughts(e.answer) : e.answer);
    message("user", user);
    return out.special(start).text("assistant\n").finish();
  }

 private:
  text::tokenizer const& tokens;
  int start, end;
  std::optional<std::string> own_system;
  bool forgets;
};

}  // namespace cria::infer
