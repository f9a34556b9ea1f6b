#pragma once
// How a conversation becomes tokens. Each family of chat models was trained on one way to write it.
#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/ranges.h>

#include "cria/core/error.hpp"
#include "cria/text/tokenizer.hpp"

namespace cria::infer {

/// What the user said and what the model answered, as text.
struct exchange {
  std::string user, answer;
};

/// How a conversation is written for a model.
class chat_format {
 public:
  virtual ~chat_format() = default;
  virtual std::string_view name() const = 0;

  /// All tokens up to where the answer to `user` begins. Without a system text the model's own is taken, if it has one.
  /// Throws cria::error for text that the model would read as marks of the format.
  virtual std::vector<int> prompt(std::optional<std::string> const& system, std::span<exchange const> before,
                                  std::string_view user) const = 0;

  /// Whether an answer goes on in the middle of the user's text, instead of being a text of its own.
  virtual bool continues() const { return false; }

  /// Tokens at which an answer is over; they are no part of it.
  std::vector<int> const& stops() const { return stop_tokens; }

 protected:
  void add_stop(int token) {
    if (token >= 0) stop_tokens.push_back(token);
  }

 private:
  std::vector<int> stop_tokens;
};

namespace detail {

inline void append(std::vector<int>& to, std::vector<int> const& tokens) {
  to.insert(to.end(), tokens.begin(), tokens.end());
}

/// A prompt on its way: special tokens, and the text between them, which is encoded as one.
class prompt_writer {
 public:
  explicit prompt_writer(text::tokenizer const& t) : tokens(t) {}

  prompt_writer& special(int id) {
    flush();
    ids.push_back(id);
    return *this;
  }
  prompt_writer& text(std::string_view more) {
    pending += more;
    return *this;
  }
  /// A mark of the format: a special token where the vocabulary has it, else text.
  prompt_writer& mark(std::string_view name) {
    int const id = tokens.find_special(name);
    return id < 0 ? text(name) : special(id);
  }
  std::vector<int> finish() {
    flush();
    return std::move(ids);
  }

 private:
  void flush() {
    if (!pending.empty()) append(ids, tokens.encode(pending, false, !ids.empty()));
    pending.clear();
  }

  text::tokenizer const& tokens;
  std::vector<int> ids;
  std::string pending;
};

/// Whether the tokenizer puts a blank in front of what stands behind a special token.
inline bool puts_blanks(text::tokenizer const& t) {
  auto const& v = t.tokens();
  return v.space_prefix && !v.prefix_once && !v.lenient_prefix;
}

/// The special token of this name. Throws cria::error when the vocabulary lacks it.
inline int special_token(text::tokenizer const& t, std::string_view name, std::string_view format) {
  int const id = t.find_special(name);
  if (id < 0)
    throw error("vocabulary", fmt::format("cannot write {}", format), fmt::format("{} as a special token", name),
                "none");
  return id;
}

/// Throws where `text` holds a tag that is ordinary text to the tokenizer: it would end the message and begin another.
inline void refuse_tags(std::string_view text, std::string_view where, std::span<std::string_view const> tags) {
  for (auto const tag : tags)
    if (text.find(tag) != std::string_view::npos)
      throw error(where, "a tag of the chat format cannot be part of it",
                  fmt::format("text without {}", fmt::join(tags, ", ")), tag);
}

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
}  // namespace cria::infer
