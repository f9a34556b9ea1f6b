#pragma once
// How byte-level tokenizers cut a text into words before they merge. The rules are regular expressions; these are
// scanners for the two families that models of Llama's architecture use. Source: the expressions in llama.cpp's
// llama-vocab.cpp.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "cria/text/utf8.hpp"

namespace cria::text {

/// What tells one rule from another.
struct word_rule {
  enum class family { gpt2, llama3 } shape;
  int digits;  // gpt2: 0 leaves numbers to the expression, 1 sets each digit apart before; llama3: most in one word
  bool whole_words;  // a word that is a token stays one, whatever the merges say
};

/// The rule that a file calls `name`, or nothing.
///
///     gpt2:   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
///     llama3: (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,digits}
///             |[ ]?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
inline std::optional<word_rule> word_rule_of(std::string_view name) {
  auto const any_of = [&](auto... names) { return ((name == names) || ...); };
  using enum word_rule::family;
  if (any_of("gpt-2", "phi-2", "mpt", "olmo", "jais", "trillion")) return word_rule{gpt2, 0, false};
  if (any_of("smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"))
    return word_rule{gpt2, 1, false};
  if (any_of("llama-bpe", "llama3", "llama-v3")) return word_rule{llama3, 3, true};
  if (any_of("smaug-bpe", "dbrx")) return word_rule{llama3, 3, false};
  if (any_of("qwen2", "stablelm2", "deepseek-r1-qwen")) return word_rule{llama3, 1, false};
  return {};
}

/// What llama.cpp calls a rule; empty where it has no name for it.
inline std::string_view name_of(word_rule const& rule) {
  using enum word_rule::family;
  if (rule.shape == gpt2) return rule.whole_words ? "" : rule.digits == 0 ? "gpt-2" : "smollm";
  if (rule.digits == 3) return rule.whole_words ? "llama-bpe" : "smaug-bpe";
  return rule.digits == 1 && !rule.whole_words ? "qwen2" : "";
}

/// The regular expression of a rule, as tokenizer.json writes it. GPT-2's is the same whatever it does with digits.
inline std::string expression_of(word_rule const& rule) {
  if (rule.shape == word_rule::family::gpt2)
    return R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
  return fmt::format(R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{}|)"
                     R"( ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
                     rule.digits > 1 ? fmt::format("{{1,{}}}", rule.digits) : "");
}

namespace detail {

/// Reads characters of a stretch of text, each with its class.
class scanner {
 public:
  explicit scanner(std::string_view text) : text_(text) {}

  struct seen {
    std::size_t bytes;
    character_class kind;
    char32_t value;  // 0 where the bytes are malformed
  };

  /// The character at `at`, or nothing at the end.
  std::optional<seen> look(std::size_t at) const {
    if (at >= text_.size()) return {};
    auto const c = first_character(text_.substr(at));
    return seen{c.bytes, c.value ? class_of(*c.value) : character_class::other, c.value.value_or(0)};
  }

  bool is(std::size_t at, character_class kind) const {
    auto const c = look(at);
    return c && c->kind == kind;
  }

  /// The end of the run of `kind` that begins at `at`.
  std::size_t run(std::size_t at, character_class kind) const {
    for (auto c = look(at); c && c->kind == kind; c = look(at)) at += c->bytes;
    return at;
  }

  /// The end of a shortened form ('s 't 'm 'd 're 've 'll) at `at`, or `at`.
  std::size_t contraction(std::size_t at, bool any_case) const {
    auto const letter = [&](std::size_t i) {
      return any_case && text_[i] >= 'A' && text_[i] <= 'Z' ? char(text_[i] + 32) : text_[i];
    };
    if (at + 1 >= text_.size() || text_[at] != '\'') return at;
    char const first = letter(at + 1), second = at + 2 < text_.size() ? letter(at + 2) : '\0';
    if (any_case && text_.substr(at + 1, 2) == "\u017f") return at + 3;  // an old s, by Unicode's folding of cases
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return at + 2;
    bool const two = ((first == 'r' || first == 'v') && second == 'e') || (first == 'l' && second == 'l');
    return two ? at + 3 : at;
  }

  /// The end of white space from `at` on: without its last character where a word follows that may take it.
  std::size_t blanks(std::size_t at) const {
    std::size_t last = at, end = at;
    for (auto c = look(end); c && c->kind == character_class::space; c = look(end)) last = end, end += c->bytes;
    return end == text_.size() || last == at ? end : last;
  }

  /// The end of white space from `at` on up to its last line end, or `at` when it has none.
  std::size_t lines(std::size_t at) const {
    std::size_t end = at;
    for (auto c = look(at); c && c->kind == character_class::space; c = look(at)) {
      at += c->bytes;
      if (c->value == U'\r' || c->value == U'\n') end = at;
    }
    return end;
  }

  bool line_end(std::size_t at) const { return at < text_.size() && (text_[at] == '\r' || text_[at] == '\n'); }
  bool blank(std::size_t at) const { return at < text_.size() && text_[at] == ' '; }

 private:
  std::string_view text_;
};

/// The end of the word that begins at `at`.
inline std::size_t gpt2_word(scanner const& text, std::size_t at) {
  using enum character_class;
  if (auto const end = text.contraction(at, false); end != at) return end;
  std::size_t const body = at + text.blank(at);
  for (auto const kind : {letter, number, other})
    if (auto const end = text.run(body, kind); end != body) return end;
  return text.blanks(at);
}

inline std::size_t llama3_word(scanner const& text, std::size_t at, int digits) {
  using enum character_class;
  if (auto const end = text.contraction(at, true); end != at) return end;
  auto const first = *text.look(at);
  bool const may_lead = first.kind != letter && first.kind != number && !text.line_end(at);
  std::size_t const body = at + (may_lead ? first.bytes : 0);
  if (auto const end = text.run(body, letter); end != body) return end;
  if (first.kind == number) {
    std::size_t end = at;
    for (int i = 0; i < digits && text.is(end, number); ++i) end += text.look(end)->bytes;
    return end;
  }
  std::size_t const signs = at + text.blank(at);
  if (auto end = text.run(signs, other); end != signs) {
    while (text.line_end(end)) ++end;
    return end;
  }
  auto const end = text.lines(at);
  return end != at ? end : text.blanks(at);
}

}  // namespace detail

/// Calls `f` with each word of `text`, in order; together they are the text.
void for_each_word(std::string_view text, word_rule const& rule, auto&& f) {
  auto const cut = [&](std::string_view stretch) {
    detail::scanner const scan(stretch);
    for (std::size_t at = 0, end; at < stretch.size(); at = end) {
      end = rule.shape == word_rule::family::gpt2 ? detail::gpt2_word(scan, at)
                                                  : detail::llama3_word(scan, at, rule.digits);
      f(stretch.substr(at, end - at));
    }
  };
  if (rule.shape == word_rule::family::llama3 || rule.digits == 0) return cut(text);
  detail::scanner const scan(text);
  std::size_t plain = 0;  // each number stands alone, and what is between them is cut as if it were a text
  for (std::size_t at = 0, end; at < text.size(); at = end) {
    auto const c = *scan.look(at);
    end = at + c.bytes;
    if (c.kind != character_class::number) continue;
    cut(text.substr(plain, at - plain));
    f(text.substr(at, c.bytes));
    plain = end;
  }
  cut(text.substr(plain));
}

}  // namespace cria::text
