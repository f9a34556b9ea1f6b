#pragma once
// Members of a JSON object that nobody vouches for.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/io/json.hpp"

namespace cria::train::detail {

/// 64 bits as files write them: 16 hexadecimal digits, because JSON's numbers are exact to 2^53 only.
inline std::string hexadecimal(std::uint64_t value) { return fmt::format("{:016x}", value); }

/// Reads members of `object`, which must outlive this. Everything throws cria::error that names `where` and the member.
class members {
 public:
  members(std::string_view where, io::json const& object) : where_(where), object_(object) {
    if (!object.is_object()) throw error(where_, "not understood", "a JSON object", object.type_name());
  }

  io::json const& at(std::string_view name) const {
    auto const found = object_.find(name);
    if (found == object_.end()) throw error(where_, fmt::format("{} is missing", name));
    return *found;
  }
  io::json const& list(std::string_view name) const {
    if (!at(name).is_array()) wrong(name, "a list");
    return at(name);
  }
  std::uint64_t count(std::string_view name) const {
    auto const& value = at(name);
    if (!value.is_number_integer() || (!value.is_number_unsigned() && value.get<std::int64_t>() < 0))
      wrong(name, "a whole number");
    return at(name).get<std::uint64_t>();
  }
  double number(std::string_view name) const {
    if (!at(name).is_number()) wrong(name, "a number");
    return at(name).get<double>();
  }
  std::string text(std::string_view name) const {
    if (!at(name).is_string()) wrong(name, "a text");
    return at(name).get<std::string>();
  }
  std::uint64_t bits(std::string_view name) const {
    auto const digits = text(name);
    if (digits.size() != 16 || digits.find_first_not_of("0123456789abcdef") != std::string::npos)
      wrong(name, "16 hexadecimal digits");
    return std::stoull(digits, nullptr, 16);
  }

  /// Throws cria::error unless the member, which was read as `found`, is `expected`.
  template <class T>
  void expect(std::string_view name, T const& found, T const& expected) const {
    if (found != expected)
      throw error(where_, name, fmt::format("{}", expected), io::printable(fmt::format("{}", found)));
  }

 private:
  [[noreturn]] void wrong(std::string_view name, std::string_view expected) const {
    throw error(where_, name, expected,
                io::printable(at(name).dump(-1, ' ', true, io::json::error_handler_t::replace)));
  }

  std::string where_;
  io::json const& object_;
};

}  // namespace cria::train::detail
