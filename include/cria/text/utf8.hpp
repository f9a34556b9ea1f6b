#pragma once
// UTF-8 read with doubts: where it is well-formed, what its characters are, and streams of it that break anywhere.
#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <utf8proc.h>

namespace cria::text {

/// One character at the start of a text; a malformed sequence is one without a code point.
struct character {
  std::size_t bytes = 1;          // malformed: the longest part that could have begun a character, or one byte
  std::optional<char32_t> value;  // absent: malformed
  bool cut = false;               // malformed, but more bytes could have made it good
};

/// The character that begins `text`, which is not empty. Source: the Unicode standard, table 3-7.
constexpr character first_character(std::string_view text) {
  auto const byte = [&](std::size_t i) { return unsigned(static_cast<unsigned char>(text[i])); };
  unsigned const lead = byte(0);
  if (lead < 0x80) return {.bytes = 1, .value = char32_t(lead), .cut = false};
  std::size_t const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4) return {};
  char32_t value = lead & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (i == text.size()) return {.bytes = i, .value = {}, .cut = true};
    // the second byte of some leads is bounded: overlong forms, surrogates, and beyond U+10FFFF
    unsigned const low = i > 1 ? 0x80 : lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned const high = i > 1 ? 0xbf : lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (byte(i) < low || byte(i) > high) return {.bytes = i, .value = {}, .cut = false};
    value = value << 6 | (byte(i) & 0x3f);
  }
  return {.bytes = length, .value = value, .cut = false};
}

/// The offset of the first byte that is not well-formed UTF-8.
constexpr std::optional<std::size_t> first_malformed(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    auto const c = first_character(text.substr(at));
    if (!c.value) return at;
    at += c.bytes;
  }
  return {};
}

/// Text that arrives in pieces which may end inside a character. What comes out is always well-formed: malformed
/// sequences become U+FFFD, each of their longest good beginnings one, as Python's and browsers' decoders do.
class utf8_stream {
 public:
  /// The characters that `bytes` complete.
  std::string put(std::string_view bytes) {
    held_ += bytes;
    return drain(false);
  }

  /// What was held back, at the end of the text.
  std::string finish() { return drain(true); }

 private:
  std::string drain(bool end) {
    std::string out;
    std::size_t at = 0;
    while (at < held_.size()) {
      auto const c = first_character(std::string_view(held_).substr(at));
      if (c.cut && !end) break;
      c.value ? out.append(held_, at, c.bytes) : out.append("\xef\xbf\xbd");
      at += c.bytes;
    }
    held_.erase(0, at);
    return out;
  }

  std::string held_;
};

/// `text` with malformed sequences as U+FFFD.
inline std::string well_formed(std::string_view text) {
  utf8_stream stream;
  std::string out = stream.put(text);
  return out += stream.finish();
}

/// `text` in Unicode's normalization form C; nothing where there is nothing to do, as in malformed UTF-8, which stays.
inline std::optional<std::string> form_c(std::string_view text) {
  if (std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; })) return {};
  utf8proc_uint8_t* made = nullptr;
  auto const options = utf8proc_option_t(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  auto const* const bytes = reinterpret_cast<utf8proc_uint8_t const*>(text.data());
  auto const size = utf8proc_map(bytes, utf8proc_ssize_t(text.size()), &made, options);
  std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> const owner(made, &std::free);
  if (size < 0) return {};
  return std::string(reinterpret_cast<char const*>(made), std::size_t(size));
}

/// What regular expressions of tokenizers call `\p{L}`, `\p{N}` and `\s`.
enum class character_class { letter, number, space, other };

inline character_class class_of(char32_t c) {
  if (c >= U'\t' && c <= U'\r') return character_class::space;
  switch (utf8proc_category(utf8proc_int32_t(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO: return character_class::letter;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return character_class::number;
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return character_class::space;
    default: return c == 0x85 ? character_class::space : character_class::other;
  }
}

}  // namespace cria::text
