#pragma once
// A tensor that lies in several files, a part in each.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cria/io/file_tensor.hpp"

namespace cria::io {

/// A weight whose parts lie in several files, one behind the other along `axis`: 0, whole rows, or 1, pieces of each
/// row.
struct merged_tensor {
  std::string name, type;            // type as file_tensor has it
  std::vector<std::uint64_t> shape;  // of the whole
  int axis = 0;
  std::vector<std::span<std::byte const>> parts;

  std::optional<dtype> format() const { return format_of(type); }
  std::uint64_t rows() const { return shape.size() < 2 ? 1 : shape[0]; }

  /// The bytes of row `r`, less than rows(): in the file where it lies there in one piece, else put together in `room`.
  std::span<std::byte const> row(std::uint64_t r, std::vector<std::byte>& room) const {
    if (axis == 0) {
      auto const in_part = rows() / parts.size(), size = parts[0].size() / in_part;
      return parts[r / in_part].subspan(r % in_part * size, size);
    }
    auto const size = parts[0].size() / rows();
    room.resize(size * parts.size());
    for (std::size_t i = 0; i < parts.size(); ++i)
      if (size > 0) std::memcpy(room.data() + i * size, parts[i].data() + r * size, size);
    return room;
  }
};

}  // namespace cria::io
