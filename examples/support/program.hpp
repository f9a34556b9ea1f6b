#pragma once
// What all programs share: arguments, messages of one line, exit codes, and an output whose failures are noticed.
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <type_traits>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cria/core/error.hpp"

namespace support {

/// Writes to stdout. Throws cria::error when that fails, a full disk for one.
inline void check_output(bool good) {
  if (!good) throw cria::error("stdout", "cannot be written", "room and permission", std::strerror(errno));
}
inline void write(std::string_view text) {
  check_output(std::fwrite(text.data(), 1, text.size(), stdout) == text.size());
}
inline void flush() { check_output(std::fflush(stdout) == 0); }

/// A word to the user, beside the output.
inline void say(std::string_view program, std::string_view message) {
  std::fflush(stdout);
  fmt::print(stderr, "{}: {}\n", program, cria::one_line(message));
}

/// Runs `body(CLI::App&)`, which declares its options, calls `parse`, and works. Everything that is wrong ends here:
/// one line on stderr and exit code 2.
template <class Body>
int run(std::string const& name, std::string const& purpose, Body const& body) {
  try {
    CLI::App arguments(purpose, name);
    arguments.get_formatter()->column_width(32);
    body(arguments);
    flush();
    return 0;
  } catch (CLI::CallForHelp const&) {
    return 0;
  } catch (std::exception const& e) {
    say(name, e.what());
  }
  return 2;
}

/// CLI11's parser with the help text on stdout, and its failures as exceptions for `run`: first of all for what is
/// unknown.
inline void parse(CLI::App& arguments, int argc, char const* const* argv) {
  arguments.allow_extras();
  std::exception_ptr missing;
  try {
    arguments.parse(argc, argv);
  } catch (CLI::CallForHelp const&) {
    write(arguments.help());
    flush();
    throw;
  } catch (CLI::RequiredError const&) {
    missing = std::current_exception();
  }
  if (auto const rest = arguments.remaining(); !rest.empty())
    throw cria::error(rest.front(), "unknown argument", "one that --help lists", rest.front());
  if (missing) std::rethrow_exception(missing);
}

/// An option with one number, written out in full.
template <class T>
CLI::Option* add_number(CLI::App& arguments, std::string const& flag, T& to, std::string const& help) {
  return arguments.add_option(flag, to, help)->check([](std::string const& given) {
    T number{};
    auto const* const end = given.data() + given.size();
    auto const [next, fault] = std::from_chars(given.data(), end, number);
    if (fault == std::errc() && next == end) return std::string();
    auto const* const kind = std::is_floating_point_v<T> ? "a number"
                             : std::is_signed_v<T>       ? "a whole number"
                                                         : "a positive whole number";
    return fmt::format("not understood (expected {}, found {})", kind, given);
  });
}

/// The same, more than 0.
template <class T>
CLI::Option* add_positive(CLI::App& arguments, std::string const& flag, T& to, std::string const& help) {
  return add_number(arguments, flag, to, help)->check([](std::string const& given) {
    T number{};
    std::from_chars(given.data(), given.data() + given.size(), number);
    return number > 0 ? "" : "out of range (expected a positive number, found " + given + ")";
  });
}

}  // namespace support
