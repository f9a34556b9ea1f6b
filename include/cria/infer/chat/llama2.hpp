#pragma once
// Llama 2's chat format: [INST], with the system text in <<SYS>> inside the first user text. The order of merging,
// stripping and encoding is that of `chat_completion` in Meta's llama/generation.py.
#include <array>
#include <string>

#include "cria/core/error.hpp"
#include "cria/infer/chat/format.hpp"
#include "cria/text/tokenizer.hpp"

namespace cria::infer {
namespace detail {

/// What Python's str.strip takes off, as UTF-8.
inline std::string_view strip(std::string_view s) {
  static constexpr std::array<std::string_view, 29> blanks{
      " ",      "\t",     "\n",     "\v",     "\f",     "\r",     "\x1c",   "\x1d",   "\x1e",   "\x1f",
      "\u0085", "\u00a0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006",
      "\u2007", "\u2008", "\u2009", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"};
  for (bool again = true; again;) {
    again = false;
    for (auto const blank : blanks) {
      if (s.starts_with(blank)) s.remove_prefix(blank.size()), again = true;
      if (s.ends_with(blank)) s.remove_suffix(blank.size()), again = true;
    }
  }
  return s;
}

}  // namespace detail

class llama2_format : public chat_format {
 public:
  /// Throws cria::error when the vocabulary has no bos or eos.
  explicit llama2_format(text::tokenizer const& t) : tokens(t) {
    if (t.bos() < 0 || t.eos() < 0)
      throw error("vocabulary", "cannot write Llama 2's chat format", "bos and eos tokens", "none");
    add_stop(t.eos());
    add_stop(t.bos());
  }

  std::string_view name() const override { return "llama2"; }

  std::vector<int> prompt(std::optional<std::string> const& system, std::span<exchange const> before,
                          std::string_view user) const override {
    if (system) refuse_tags(*system, "system text");
    for (auto const& e : before) refuse_tags(e.user, "message");
    refuse_tags(user, "message");
    std::string merged = system ? "<<SYS>>\n" + *system + "\n<</SYS>>\n\n" : "";
    std::vector<int> ids;
    for (auto const& e : before) {  // each finished pair is encoded on its own
      encode(ids, instruction(merged + e.user) + " " + std::string(detail::strip(e.answer)) + " ");
      ids.push_back(tokens.eos());
      merged.clear();
    }
    encode(ids, instruction(merged + std::string(user)));
    return ids;
  }

 private:
  static std::string instruction(std::string const& user) {
    return "[INST] " + std::string(detail::strip(user)) + " [/INST]";
  }

  void encode(std::vector<int>& ids, std::string const& text) const {
    ids.push_back(tokens.bos());
    detail::append(ids, tokens.encode(text, false));
  }

  /// The tags are ordinary text to the tokenizer: inside a message they would end it and begin another.
  static void refuse_tags(std::string_view text, std::string_view where) {
    for (std::string_view const tag : {"[INST]", "[/INST]", "<<SYS>>", "<</SYS>>"})
      if (text.find(tag) != std::string_view::npos)
        throw error(where, "a tag of the chat format cannot be part of it",
                    "text without [INST], [/INST], <<SYS>>, <</SYS>>", tag);
  }

  text::tokenizer const& tokens;
};

}  // namespace cria::infer
