#pragma once
// SentencePiece's byte-pair encoding with byte fallback, the tokenizer of Llama 2. Source: bpe_model.cc of
// SentencePiece.
#include <algorithm>
#include <array>
#include <cmath>
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

namespace cria::text {

/// `text` with a blank for each U+2581, SentencePiece's sign for one; the library writes blanks in pieces as well.
inline std::string with_blanks(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    bool const sign = text.substr(at, 3) == "\xe2\x96\x81";
    out += sign ? ' ' : text[at];
    at += sign ? 3 : 1;
  }
  return out;
}

/// The byte that a token named <0x00> to <0xFF> stands for.
constexpr std::optional<unsigned char> byte_of_name(std::string_view name) {
  if (name.size() != 6 || !name.starts_with("<0x") || name[5] != '>') return {};
  int value = 0;
  for (char const c : name.substr(3, 2)) {
    int const digit = c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) return {};
    value = value * 16 + digit;
  }
  return static_cast<unsigned char>(value);
}

/// The tokenizer of Llama 2: characters, then pairs merged by score (Kudo and Richardson 2018, arXiv 1808.06226).
class sentencepiece final : public tokenizer {
 public:
  /// Tokens of kind byte are named <0xNN>. Pairs are merged by the scores of what they become, or by `merges` where
  /// there are any. Throws cria::error, under the name `file`, for scores that are not numbers and merges that are
  /// none.
  sentencepiece(vocabulary v, std::string_view file, std::vector<std::string_view> const& merges = {})
      : tokenizer(prepared(std::move(v), file)) {
    bytes_.fill(-1);
    std::unordered_map<std::string_view, int> parts;  // of merges: user-defined tokens can be any
    for (int id = 0; id < size(); ++id) {
      auto const& t = tokens().tokens[std::size_t(id)];
      if (t.kind == token_kind::byte) bytes_[static_cast<unsigned char>(t.text[0])] = id;
      if (t.kind == token_kind::normal && !t.text.empty())
        pieces_.emplace(t.text, id), longest_ = std::max(longest_, t.text.size());
      if (t.kind == token_kind::normal || t.kind == token_kind::user_defined) parts.emplace(t.text, id);
    }
    auto const id_of = [&](std::string const& part) {
      auto const found = parts.find(with_blanks(part));
      return found == parts.end() ? -1 : found->second;
    };
    merges_ = {merges, id_of, file};
  }

 private:
  static vocabulary prepared(vocabulary v, std::string_view file) {
    for (std::size_t id = 0; id < v.tokens.size(); ++id) {
      auto& t = v.tokens[id];
      if (std::isnan(t.score)) throw error(file, fmt::format("score of token {}", id), "a number", "NaN");
      if (t.kind == token_kind::unknown) t.text = " \xe2\x81\x87 ";  // its surface in SentencePiece
      if (t.kind == token_kind::normal || t.kind == token_kind::user_defined) t.text = with_blanks(t.text);
      if (t.kind != token_kind::byte) continue;
      auto const byte = byte_of_name(t.text);
      if (!byte) throw error(file, fmt::format("name of byte token {}", id), "<0x00> to <0xFF>", io::printable(t.text));
      t.text = std::string(1, char(*byte));
    }
    return v;
  }

  void encode_plain(std::string_view given, bool begins, std::vector<int>& ids) const override {
    if (given.size() > std::numeric_limits<int>::max())
      throw error("text", "length", "less than 2 GiB", std::to_string(given.size()));
    std::string text = with_blanks(given);
    auto const& v = tokens();
    if (v.space_prefix && (begins || !v.prefix_once) && !(v.lenient_prefix && text[0] == ' ')) text.insert(0, 1, ' ');
    auto const look_up = [&](std::size_t begin, std::size_t bytes) {
      if (bytes > longest_) return -1;
      auto const found = pieces_.find(std::string_view(text).substr(begin, bytes));
      return found == pieces_.end() ? -1 : found->second;
    };
    std::vector<detail::symbol> symbols;
    for (std::size_t at = 0, bytes; at < text.size(); at += bytes) {
      bytes = first_character(std::string_view(text).substr(at)).bytes;
      detail::append(symbols, at, bytes, look_up(at, bytes));
    }
    auto const by_score = [&](auto const& left, auto const& right) -> std::optional<detail::merged<float>> {
      int const id = look_up(left.begin, left.bytes + right.bytes);
      if (id < 0) return {};
      return {{-v.tokens[std::size_t(id)].score, id}};
    };
    merges_.empty() ? detail::merge<float>(symbols, by_score) : detail::merge<int>(symbols, merges_);
    for (auto const& s : symbols)
      if (s.bytes > 0)
        s.id >= 0 ? ids.push_back(s.id) : fall_back(std::string_view(text).substr(s.begin, s.bytes), ids);
  }

  /// A character without a token is written as its bytes, or where there are no byte tokens as the unknown token.
  void fall_back(std::string_view bytes, std::vector<int>& ids) const {
    bool const known = std::ranges::all_of(bytes, [&](char c) { return bytes_[static_cast<unsigned char>(c)] >= 0; });
    if (!known && tokens().unknown < 0)
      throw error("text", fmt::format("no token of this vocabulary stands for byte 0x{:02X}",
                                      static_cast<unsigned char>(bytes[0])));
    if (!known) return ids.push_back(tokens().unknown);
    for (char const c : bytes) ids.push_back(bytes_[static_cast<unsigned char>(c)]);
  }

  std::unordered_map<std::string_view, int> pieces_;  // views of the vocabulary's own texts
  std::array<int, 256> bytes_{};
  std::size_t longest_ = 0;
  detail::merge_table merges_;
};

}  // namespace cria::text
