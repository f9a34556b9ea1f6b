#pragma once
// The one exception type of the library: what went wrong, where, what was expected and what was found.
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

namespace cria {

/// `text` as part of one line: blanks for line breaks and tabs, a question mark for each other control character (C0, DEL,
/// and C1 in UTF-8).
inline std::string one_line(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto const c = static_cast<unsigned char>(text[i]), next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
    bool const c1 = c == 0xc2 && next >= 0x80 && next < 0xa0;
    out += c == '\n' || c == '\r' || c == '\t' ? ' ' : c < ' ' || c == 127 || c1 ? '?' : text[i];
    i += c1;
  }
  return out;
}

/// Thrown for everything a caller or a file can get wrong. `what()` is one line:
/// `where: what (expected E, found F)`. Programs print it and exit with code 2. Whatever files hold, the line stays short:
/// io::printable cuts what is foreign to 80 characters, and for what escaped it there is a limit here.
class error : public std::runtime_error {
 public:
  error(std::string_view where, std::string_view what) : std::runtime_error(join(where, what)) {}
  error(std::string_view where, std::string_view what, std::string_view expected, std::string_view found)
      : std::runtime_error(join(where, what, expected, found)) {}

 private:
  static constexpr std::size_t most = 400;        // bytes of what was expected or found, which are lists at most
  static constexpr std::size_t most_of_all = 8000;  // a path, and all reasons why a model cannot be expressed

  [[gnu::cold, gnu::noinline]] static std::string cut(std::string_view text, std::size_t bytes) {
    return one_line(text.substr(0, bytes)) + (text.size() > bytes ? "..." : "");
  }
  [[gnu::cold, gnu::noinline]] static std::string join(std::string_view where, std::string_view what) {
    return cut(where, most_of_all) + (where.empty() ? "" : ": ") + cut(what, most_of_all);
  }
  [[gnu::cold, gnu::noinline]] static std::string join(std::string_view where, std::string_view what,
                                                       std::string_view expected, std::string_view found) {
    return join(where, what) + " (expected " + cut(expected, most) + ", found " + cut(found, most) + ")";
  }
};

/// Not inlined, and small: what it builds would stand at each place that checks.
[[noreturn, gnu::cold, gnu::noinline]] inline void refuse_range(std::string_view what, int found, int first, int end) {
  throw error(what, "out of range", std::to_string(first) + " to " + std::to_string(end - 1), std::to_string(found));
}

/// Throws unless `found` is in [first, end).
inline void check_range(std::string_view what, int found, int first, int end) {
  if (found < first || found >= end) refuse_range(what, found, first, end);
}

}  // namespace cria
