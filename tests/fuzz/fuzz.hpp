#pragma once
// What the fuzzing programs share: bytes as a file, and cria::error as the only way to fail.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cria/core/error.hpp"
#include "cria/io/mapped_file.hpp"
#include "cria/text/tokenizer.hpp"

namespace cria::fuzz {

inline io::mapped_file as_file(std::string_view bytes) { return {"file", std::as_bytes(std::span(bytes))}; }

inline std::string_view as_text(std::uint8_t const* data, std::size_t size) {
  return {reinterpret_cast<char const*>(data), size};
}

/// An input that is N parts: the lengths of all but the last (16 bits each), then the parts. Nothing where it is too
/// short for the lengths; a part may be shorter than its length says.
template <std::size_t N>
std::optional<std::array<std::string_view, N>> split(std::uint8_t const* data, std::size_t size) {
  std::array<std::uint16_t, N - 1> lengths;
  if (size < sizeof lengths) return {};
  std::memcpy(lengths.data(), data, sizeof lengths);
  auto rest = as_text(data + sizeof lengths, size - sizeof lengths);
  std::array<std::string_view, N> parts;
  for (std::size_t i = 0; i + 1 < N; ++i) parts[i] = rest.substr(0, lengths[i]), rest.remove_prefix(parts[i].size());
  parts[N - 1] = rest;
  return parts;
}

inline void require(bool holds) {
  if (!holds) std::abort();
}

/// Runs `f`; messages must be one line of moderate length, without control characters.
void refusing(auto const& f) {
  try {
    f();
  } catch (error const& e) {
    std::string_view const message = e.what();
    require(message.find_first_of("\n\r\t") == message.npos && one_line(message) == message && message.size() < 4000);
  }
}

/// Encodes and decodes with a tokenizer of whatever vocabulary: ids must be tokens.
inline void use(text::tokenizer const& t, std::string_view given) {
  for (bool const special : {false, true}) {
    refusing([&] {
      auto const ids = t.encode(given, special);
      for (int const id : ids) require(id >= 0 && id < t.size());
      t.decode(ids, special);
    });
  }
}

/// Encoding and decoding must give the text back; without a blank in front, where the tokenizer puts one there itself.
inline void round_trip(text::tokenizer const& t, std::string_view given) {
  use(t, given);
  require(t.decode(t.encode(given)) == given);
  require(t.decode(t.encode(given, true), true) == given);
}

}  // namespace cria::fuzz
