#pragma once
// Byte-level byte-pair encoding, the tokenizer of GPT-2 and its heirs (SmolLM2, Llama 3). Source: encoder.py of GPT-2.
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/io/byte_reader.hpp"
#include "cria/text/merge.hpp"
#include "cria/text/tokenizer.hpp"
#include "cria/text/utf8.hpp"
#include "cria/text/words.hpp"

namespace cria::text {

/// The byte that GPT-2's files write as the character `c`: visible ones of Latin-1 as themselves, the others from
/// U+0100 on.
constexpr std::optional<unsigned char> byte_of_character(char32_t c) {
  auto const visible = [](unsigned b) {
    return (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || (b >= 0xae && b <= 0xff);
  };
  if (c < 0x100) return visible(unsigned(c)) ? std::optional(static_cast<unsigned char>(c)) : std::nullopt;
  char32_t next = 0x100;
  for (unsigned b = 0; b < 0x100; ++b)
    if (!visible(b) && next++ == c) return static_cast<unsigned char>(b);
  return {};
}

/// The bytes of a token as GPT-2's files write it, or nothing when a character stands for no byte.
inline std::optional<std::string> bytes_of_token(std::string_view written) {
  static auto const table = [] {
    std::array<std::optional<unsigned char>, 0x144> t;
    for (char32_t c = 0; c < t.size(); ++c) t[c] = byte_of_character(c);
    return t;
  }();
  std::string out;
  for (std::size_t at = 0; at < written.size();) {
    auto const c = first_character(written.substr(at));
    if (!c.value || *c.value >= table.size() || !table[*c.value]) return {};
    out += char(*table[*c.value]);
    at += c.bytes;
  }
  return out;
}

/// The tokenizer of GPT-2 and Llama 3: bytes, then pairs merged within words (Radford et al. 2019).
class byte_level final : public tokenizer {
 public:
  /// Texts of normal tokens and the merges ("left right", the first goes first) are as GPT-2's files write them. Throws
  /// cria::error, under the name `file`, for a merge whose parts or result are no tokens.
  byte_level(vocabulary v, std::vector<std::string_view> const& merges, word_rule rule, std::string_view file)
      : byte_level(prepared(std::move(v)), merges, rule, file) {}

  word_rule const& rule() const { return rule_; }

 private:
  struct read_vocabulary {
    vocabulary tokens;
    std::unordered_map<std::string, int> ids;  // of normal tokens, as written
  };

  static read_vocabulary prepared(vocabulary v) {
    read_vocabulary out;
    for (std::size_t id = 0; id < v.tokens.size(); ++id) {
      auto& t = v.tokens[id];
      if (t.kind != token_kind::normal) continue;
      out.ids.emplace(t.text, int(id));
      if (auto bytes = bytes_of_token(t.text)) t.text = std::move(*bytes);
    }
    out.tokens = std::move(v);
    return out;
  }

  byte_level(read_vocabulary v, std::vector<std::string_view> const& merges, word_rule rule, std::string_view file)
      : tokenizer(std::move(v.tokens)),
        rule_(rule),
        merges_(
            merges, [&](std::string const& part) { return v.ids.contains(part) ? v.ids.at(part) : -1; }, file) {
    bytes_.fill(-1);
    for (auto const& [written, id] : v.ids) {
      auto const bytes = bytes_of_token(written);
      if (bytes && bytes->size() == 1) bytes_[static_cast<unsigned char>((*bytes)[0])] = id;
      if (bytes && rule.whole_words) words_.emplace(*bytes, id);
    }
  }

  void encode_plain(std::string_view given, bool, std::vector<int>& ids) const override {
    if (given.size() > std::numeric_limits<int>::max())
      throw error("text", "length", "less than 2 GiB", std::to_string(given.size()));
    auto const composed = tokens().nfc ? form_c(given) : std::nullopt;
    std::string_view const text = composed ? *composed : given;
    std::vector<detail::symbol> symbols;
    for_each_word(text, rule_, [&](std::string_view word) {
      if (rule_.whole_words)
        if (auto const found = words_.find(std::string(word)); found != words_.end())
          return ids.push_back(found->second);
      symbols.clear();
      for (std::size_t i = 0; i < word.size(); ++i) {
        int const id = bytes_[static_cast<unsigned char>(word[i])];
        if (id < 0)
          throw error("text", fmt::format("no token of this vocabulary stands for byte 0x{:02X}",
                                          static_cast<unsigned char>(word[i])));
        detail::append(symbols, i, 1, id);
      }
      detail::merge<int>(symbols, merges_);
      for (auto const& s : symbols)
        if (s.bytes > 0) ids.push_back(s.id);
    });
  }

  word_rule rule_;
  std::array<int, 256> bytes_{};
  std::unordered_map<std::string, int> words_;
  detail::merge_table merges_;
};

}  // namespace cria::text
