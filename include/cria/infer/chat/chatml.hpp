#pragma once
// ChatML: every message between <|im_start|>role and <|im_end|>, two special tokens that no user can write.
#include <string>

#include "cria/core/error.hpp"
#include "cria/infer/chat/format.hpp"
#include "cria/text/tokenizer.hpp"

namespace cria::infer {

class chatml_format : public chat_format {
 public:
  /// `default_system` is used where none is given; nothing: no system message then.
  /// Throws cria::error when the vocabulary lacks the two special tokens.
  chatml_format(text::tokenizer const& t, std::optional<std::string> default_system)
      : tokens(t),
        start(special(t, "<|im_start|>")),
        end(special(t, "<|im_end|>")),
        own_system(std::move(default_system)) {
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
    std::vector<int> ids;
    if (tokens.add_bos()) ids.push_back(tokens.bos());
    auto const message = [&](std::string_view role, std::string_view text) {
      ids.push_back(start);
      detail::append(ids, tokens.encode(std::string(role) + "\n" + std::string(text), false));
      ids.push_back(end);
      detail::append(ids, tokens.encode("\n", false));
    };
    if (auto const& first = system ? system : own_system) message("system", *first);
    for (auto const& e : before) {
      message("user", e.user);
      message("assistant", e.answer);
    }
    message("user", user);
    ids.push_back(start);
    detail::append(ids, tokens.encode("assistant\n", false));
    return ids;
  }

 private:
  static int special(text::tokenizer const& t, std::string_view name) {
    int const id = t.find_special(name);
    if (id < 0) throw error("vocabulary", "cannot write ChatML", std::string(name) + " as a special token", "none");
    return id;
  }

  text::tokenizer const& tokens;
  int start, end;
  std::optional<std::string> own_system;
};

}  // namespace cria::infer
