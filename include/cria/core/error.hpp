#pragma once
// The one exception type of the library: what went wrong, where, what was expected and what was found.
#include <stdexcept>
#include <string>
#include <string_view>

namespace cria {

/// Thrown for everything a caller or a file can get wrong. `what()` is one line:
/// `where: what (expected E, found F)`. Programs print it and exit with code 2.
class error : public std::runtime_error {
 public:
  error(std::string_view where, std::string_view what) : std::runtime_error(join(where, what)) {}
  error(std::string_view where, std::string_view what, std::string_view expected, std::string_view found)
      : std::runtime_error(join(where, what) + " (expected " + std::string(expected) + ", found " + std::string(found) + ")") {}

 private:
  static std::string join(std::string_view where, std::string_view what) {
    return std::string(where) + (where.empty() ? "" : ": ") + std::string(what);
  }
};

/// Not inlined: what it builds would stand at each place that checks.
[[noreturn, gnu::noinline]] inline void refuse_range(std::string_view what, int found, int first, int end) {
  throw error(what, "out of range", std::to_string(first) + " to " + std::to_string(end - 1), std::to_string(found));
}

/// Throws unless `found` is in [first, end).
inline void check_range(std::string_view what, int found, int first, int end) {
  if (found < first || found >= end) refuse_range(what, found, first, end);
}

}  // namespace cria
