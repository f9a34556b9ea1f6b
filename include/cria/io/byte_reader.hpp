#pragma once
// A cursor over bytes that cannot leave them.
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "cria/core/error.hpp"

namespace cria::io {

static_assert(std::endian::native == std::endian::little, "files are read in the machine's byte order");

inline std::string_view as_text(std::span<std::byte const> bytes) {
  return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

/// a * b, or the largest number when that doesn't fit: never less than the truth, so that it fails every bound.
constexpr std::uint64_t saturated_product(std::uint64_t a, std::uint64_t b) {
  return a != 0 && b > ~std::uint64_t{0} / a ? ~std::uint64_t{0} : a * b;
}

/// Text from a file made fit for a one-line message: short, and printable ASCII alone.
inline std::string printable(std::string_view text) {
  std::string out;
  for (char const c : text.substr(0, 80)) out += c >= ' ' && c < 127 ? c : '?';
  return text.size() > 80 ? out + "..." : out;
}

/// Reads little-endian values one after the other. Everything throws cria::error, naming the file and what was being
/// read, before it would read past the end.
class byte_reader {
 public:
  byte_reader(std::string_view file, std::span<std::byte const> bytes) : file_(file), bytes_(bytes) {}

  std::size_t position() const { return position_; }
  std::size_t remaining() const { return bytes_.size() - position_; }

  std::span<std::byte const> take(std::uint64_t count, std::string_view what) {
    if (count > remaining())
      throw error(file_, fmt::format("the file ends inside {} at byte {}", printable(what), position_),
                  fmt::format("{} bytes", count), fmt::format("{}", remaining()));
    position_ += std::size_t(count);
    return bytes_.subspan(position_ - std::size_t(count), std::size_t(count));
  }

  template <class T> T read(std::string_view what) {
    T value;
    std::memcpy(&value, take(sizeof(T), what).data(), sizeof(T));
    return value;
  }

 private:
  std::string_view file_;
  std::span<std::byte const> bytes_;
  std::size_t position_ = 0;
};

}  // namespace cria::io
