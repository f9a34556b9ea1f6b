#pragma once
// Text that comes from the user: read whole, and well-formed UTF-8.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/text/utf8.hpp"

namespace support {

inline std::string read_all(std::FILE* in, std::string_view name) {
  std::string all;
  char part[1 << 16];
  while (auto const n = std::fread(part, 1, sizeof part, in)) all.append(part, n);
  if (std::ferror(in)) throw cria::error(name, "cannot be read", "a file with text", std::strerror(errno));
  return all;
}

inline std::string read_file(std::string const& path) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> const in(std::fopen(path.c_str(), "rb"), std::fclose);
  if (!in) throw cria::error(path, "cannot be read", "a file with text", std::strerror(errno));
  return read_all(in.get(), path);
}

/// Throws cria::error naming the first byte that is not well-formed.
inline void check_utf8(std::string_view name, std::string_view text) {
  if (auto const at = cria::text::first_malformed(text))
    throw cria::error(name, fmt::format("byte {}", *at), "UTF-8",
                      fmt::format("0x{:02x}", static_cast<unsigned char>(text[*at])));
}

inline void check_prompt(std::string_view name, std::string_view text) {
  if (text.empty()) throw cria::error(name, "empty", "some text", "none");
  check_utf8(name, text);
}

}  // namespace support
