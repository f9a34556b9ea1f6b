#pragma once
// The values of GGUF's metadata.
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "cria/io/byte_reader.hpp"

namespace cria::io {

/// What a metadata value is, numbered as in the file.
enum class gguf_kind : std::uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, text, array, u64, i64, f64 };
inline constexpr std::array<std::string_view, 13> gguf_kind_names{
    "u8", "i8", "u16", "i16", "u32", "i32", "f32", "boolean", "text", "array", "u64", "i64", "f64"};
inline constexpr std::array<int, 13> gguf_kind_bytes{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};  // 0: of varying length

/// One of: `raw` bytes of `size` numbers of the same kind, `texts`, or `arrays`.
struct gguf_array {
  gguf_kind kind{};
  std::size_t size = 0;
  std::span<std::byte const> raw;
  std::vector<std::string_view> texts;
  std::vector<gguf_array> arrays;
};

/// Whole numbers of any width, f32 and f64, boolean, text and arrays; texts point into the file.
using gguf_value = std::variant<std::uint64_t, std::int64_t, double, bool, std::string_view, gguf_array>;

/// A value in a few words, for messages.
inline std::string describe(gguf_value const& value) {
  return std::visit(
      []<class T>(T const& v) -> std::string {
        if constexpr (std::same_as<T, gguf_array>)
          return fmt::format("an array of {} {}", v.size, gguf_kind_names[std::size_t(v.kind)]);
        else if constexpr (std::same_as<T, std::string_view>)
          return '"' + printable(v) + '"';
        else
          return fmt::format("{}", v);
      },
      value);
}

}  // namespace cria::io
