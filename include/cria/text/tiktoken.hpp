#pragma once
// Llama 3's vocabulary as Meta publishes it: tokenizer.model in tiktoken's format, a line for each token with its bytes in
// base64 and its rank, which is its id. Source: load_tiktoken_bpe of tiktoken, models/llama3/tokenizer.py of llama-models.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/io/byte_reader.hpp"
#include "cria/text/byte_level.hpp"
#include "cria/text/vocabulary.hpp"

namespace cria::text {
namespace detail {

/// Bytes from base64, padded to whole groups of 4 characters (RFC 4648, section 4); nothing for what is none.
inline std::optional<std::string> from_base64(std::string_view text) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::size_t const padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  if (text.size() % 4 != 0) return {};
  std::string out;
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto const digit = i < text.size() - padding ? digits.find(text[i]) : 0;
    if (digit == std::string_view::npos) return {};
    bits = bits << 6 | std::uint32_t(digit);
    if (i % 4 == 3) out += {char(bits >> 16 & 255), char(bits >> 8 & 255), char(bits & 255)};
  }
  out.resize(out.size() - padding);
  return out;
}

/// The bytes and the rank of a line; nothing where it is none.
inline std::optional<std::pair<std::string, int>> ranked_token(std::string_view line) {
  auto const blank = line.find(' ');
  if (blank == std::string_view::npos) return {};
  auto bytes = from_base64(line.substr(0, blank));
  auto const number = line.substr(blank + 1);
  int rank = -1;
  auto const [end, fault] = std::from_chars(number.data(), number.data() + number.size(), rank);
  if (!bytes || bytes->empty() || fault != std::errc() || end != number.data() + number.size() || rank < 0) return {};
  return std::pair(std::move(*bytes), rank);
}

/// The names of Llama 3's 256 special tokens, which the file doesn't have; behind the last of these they are reserved.
inline std::string special_name(int number) {
  constexpr std::array<std::string_view, 12> names{
      "begin_of_text",         "end_of_text", "reserved_special_token_0", "reserved_special_token_1",
      "finetune_right_pad_id", "step_id",     "start_header_id",          "end_header_id",
      "eom_id",                "eot_id",      "python_tag",               "image"};
  if (std::size_t(number) < names.size()) return fmt::format("<|{}|>", names[std::size_t(number)]);
  return fmt::format("<|reserved_special_token_{}|>", number - int(names.size()) + 2);
}

}  // namespace detail

/// A first line with a token and its rank.
inline bool is_tiktoken(std::span<std::byte const> bytes) {
  auto const text = io::as_text(bytes.first(std::min<std::size_t>(bytes.size(), 1000)));
  auto const end = text.find('\n');
  return end != std::string_view::npos && detail::ranked_token(text.substr(0, end)).has_value();
}

/// The tokenizer in such a file. Throws cria::error for another line, for ranks that are not those from 0 on, and for a
/// token that is there twice.
inline std::unique_ptr<tokenizer> read_tiktoken(std::string const& path, std::span<std::byte const> bytes) {
  constexpr std::size_t most = 16 << 20, longest = 256;  // Llama 3's have 2 MB and 128 bytes
  if (bytes.size() > most)
    throw error(path, "size", fmt::format("at most {} bytes", most), std::to_string(bytes.size()));
  vocabulary v;
  auto rest = io::as_text(bytes);
  for (int number = 0; !rest.empty(); ++number) {
    auto const line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    auto t = detail::ranked_token(line);
    if (!t || t->second != number)
      throw error(path, fmt::format("line {}", number + 1), fmt::format("a token in base64 and its rank, {}", number),
                  io::printable(line));
    if (t->first.size() > longest)
      throw error(path, fmt::format("length of token {}", number), fmt::format("at most {} bytes", longest),
                  std::to_string(t->first.size()));
    v.tokens.push_back({std::move(t->first)});
  }
  v.bos = int(v.tokens.size()), v.eos = v.bos + 1, v.add_bos = true;
  for (int i = 0; i < 256; ++i) v.tokens.push_back({detail::special_name(i), 0, token_kind::control});
  complete(v, path);
  return std::make_unique<byte_level>(std::move(v), *word_rule_of("llama-bpe"), path);
}

}  // namespace cria::text
