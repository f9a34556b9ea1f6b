#pragma once
// What the writers of weights share: values in any format, one piece after the other, into a file that appears whole.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cria/core/quantise.hpp"
#include "cria/io/atomic_file.hpp"
#include "cria/io/checksum.hpp"

namespace cria::io {

/// What a file came to, for whoever wants to recognise it later.
struct written {
  std::uint64_t size, checksum;
};

/// The values of tensor `index`, in f32. Called once for each, when its place in the file is reached.
using tensor_source = std::function<std::vector<float>(std::size_t index)>;

class tensor_file {
 public:
  explicit tensor_file(std::string path) : file_(std::move(path)) {}

  void write(std::span<std::byte const> bytes) { file_.write(bytes), sum_.update(bytes); }
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  void write(dtype format, std::span<float const> values) {
    if (format == dtype::f32) return write(std::as_bytes(values));
    constexpr std::size_t piece = 1 << 18;  // whole blocks of every format
    for (; !values.empty(); values = values.subspan(std::min(piece, values.size())))
      write(encode(format, values.first(std::min(piece, values.size()))));
  }
  /// Zeros up to a multiple of `alignment`.
  void pad(std::uint64_t alignment) { write(std::string((alignment - file_.size() % alignment) % alignment, '\0')); }

  written commit() {
    file_.commit();
    return {file_.size(), sum_.value()};
  }

  /// One tensor of `count` values. Throws cria::error when the source has another number of them.
  void write_tensor(std::string_view name, dtype format, std::uint64_t count, std::vector<float> const& values) {
    if (values.size() != count)
      throw error(fmt::format("{}: {}", file_.path(), printable(name)), "number of values", std::to_string(count),
                  std::to_string(values.size()));
    write(format, values);
  }

 private:
  atomic_file file_;
  checksum sum_;
};

}  // namespace cria::io
