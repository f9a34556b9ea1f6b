#pragma once
// The one exception type of the library: what went wrong, where, what was expected and what was found.
#include <stdexcept>
#include <string>
#include <string_view>

#include "cria/core/text.hpp"

namespace cria {

/// append_one_line as a string.
inline std::string one_line(std::string_view text) {
  std::string out;
  append_one_line(out, text);
  return out;
}

/// Thrown for everything a caller or a file can get wrong. `what()` is one line:
/// `where: what (expected E, found F)`. Programs print it and exit with code 2. Whatever files hold, the line stays short:
/// io::printable cuts what is foreign to 80 characters, and for what escaped it there is a limit here.
class error : public std::runtime_error {
 public:
  error(std::string_view where, std::string_view what) : std::runtime_error(message(where, what).text) {}
  error(std::string_view where, std::string_view what, std::string_view expected, std::string_view found)
      : std::runtime_error(message(where, what, expected, found).text) {}

 private:
  static constexpr int most = 400;          // bytes of what was expected or found, which are lists at most
  static constexpr int most_of_all = 8000;  // a path, and all reasons why a model cannot be expressed
  using line = fixed_text<2 * (most_of_all + most) + 80>;

  static void add(line& to, std::string_view text, int bytes) {
    append_one_line(to, text.substr(0, std::size_t(bytes)));
    if (text.size() > std::size_t(bytes)) to += "...";
  }
  [[gnu::cold, gnu::noinline]] static line message(std::string_view where, std::string_view what) {
    line text;
    add(text, where, most_of_all);
    text += where.empty() ? "" : ": ";
    add(text, what, most_of_all);
    return text;
  }
  [[gnu::cold, gnu::noinline]] static line message(std::string_view where, std::string_view what, std::string_view expected,
                                                   std::string_view found) {
    line text = message(where, what);
    text += " (expected ";
    add(text, expected, most);
    text += ", found ";
    add(text, found, most);
    text += ")";
    return text;
  }
};

namespace detail {

/// Throws. Not inlined: what is made to be thrown would stand at each place that checks.
[[noreturn, gnu::cold, gnu::noinline]] inline void refuse(std::string_view where, std::string_view what,
                                                          std::string_view expected, std::string_view found) {
  throw error(where, what, expected, found);
}
[[noreturn, gnu::cold, gnu::noinline]] inline void refuse_range(std::string_view what, int found, int first, int end) {
  throw error(what, "out of range", words(first, " to ", end - 1), words(found));
}

}  // namespace detail

/// Throws unless `found` is in [first, end).
inline void check_range(std::string_view what, int found, int first, int end) {
  if (found < first || found >= end) detail::refuse_range(what, found, first, end);
}

}  // namespace cria
