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

/// The inverse: bytes as GPT-2's files write them.
inline std::string written_bytes(std::string_view bytes) {
  static auto const table = [] {
    std::array<std::string, 256> t;
    for (char32_t c = 0; c < 0x144; ++c)
      if (auto const byte = byte_of_character(c))
        t[*byte] = c < 0x80 ? std::string(1, char(c)) : std::string{char(0xc0 | c >> 6), char(0x80 | (c & 0x3f))};
    return t;
  }();
  std::string out;
  for (char const c : bytes) out += table[static_cast<unsigned char>(c)];
  return out;
}

/// The tokenizer of GPT-2 and Llama 3: bytes, then pairs merged within words (Radford et al. 2019).
class byte_level final : public tokenizer {
 public:
  /// Texts of normal tokens and the merges ("left right", the first goes first) are as GPT-2's files write them. Throws
  /// cria::error, under the name `file`, for a merge whose parts or result are no tokens.
  byte_level(vocabulary v, std::vector<std::string_view> const& merges, word_rule rule, std::string_view file)
      : byte_level(with_merges(std::move(v), merges, file), rule) {}

  /// Texts of normal tokens are their bytes, and two of them become one wherever their bytes are a token's, the lowest id
  /// first. Throws cria::error, under the name `file`, for a text that is there twice. Source: byte_pair_merge of tiktoken.
  byte_level(vocabulary v, word_rule rule, std::string_view file) : byte_level(with_ranks(std::move(v), file), rule) {}

  word_rule const& rule() const { return rule_; }

 private:
  struct parts {
    vocabulary tokens;
    std::unordered_map<std::string, int> ids;  // of normal tokens, by their bytes
    detail::merge_table merges;
  };

  static parts with_merges(vocabulary v, std::vector<std::string_view> const& merges, std::string_view file) {
    std::unordered_map<std::string, int> written, ids;
    for (std::size_t id = 0; id < v.tokens.size(); ++id) {
      auto& t = v.tokens[id];
      if (t.kind != token_kind::normal) continue;
      written.emplace(t.text, int(id));
      auto bytes = bytes_of_token(t.text);
      if (!bytes) continue;
      ids.emplace(*bytes, int(id));
      t.text = std::move(*bytes);
    }
    auto const id_of = [&](std::string const& part) {
      auto const found = written.find(part);
      return found == written.end() ? -1 : found->second;
    };
    return {std::move(v), std::move(ids), {merges, id_of, file}};
  }

  static parts with_ranks(vocabulary v, std::string_view file) {
    std::unordered_map<std::string, int> ids;
    for (std::size_t id = 0; id < v.tokens.size(); ++id) {
      auto const& t = v.tokens[id];
      if (t.kind == token_kind::normal && !ids.emplace(t.text, int(id)).second)
        throw error(file, fmt::format("token {}", id), "another than those before", "one that is there already");
    }
    detail::merge_table merges(ids, file);
    return {std::move(v), std::move(ids), std::move(merges)};
  }

  byte_level(parts p, word_rule rule) : tokenizer(std::move(p.tokens)), rule_(rule), merges_(std::move(p.merges)) {
    bytes_.fill(-1);
    for (auto const& [bytes, id] : p.ids)
      if (bytes.size() == 1) bytes_[static_cast<unsigned char>(bytes[0])] = id;
    if (rule.whole_words) words_ = std::move(p.ids);
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
