#pragma once
// A tensor as files of weights hold it.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cria/core/dtype.hpp"

namespace cria::io {

/// The library's own name of a type that files call `type`, where it can compute with it.
inline std::optional<dtype> format_of(std::string_view type) {
  if (type == "F32") return dtype::f32;
  if (type == "F16") return dtype::f16;
  if (type == "BF16") return dtype::bf16;
  return {};
}

/// A tensor in a mapped file.
struct file_tensor {
  std::string name, type;            // type by safetensors' names: F32, BF16, I64, ...
  std::vector<std::uint64_t> shape;  // slowest axis first
  std::span<std::byte const> bytes;  // rows one after the other, in the mapped file

  std::optional<dtype> format() const { return format_of(type); }
};

}  // namespace cria::io
