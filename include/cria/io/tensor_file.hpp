#pragma once
// What the writers of weights share: values in any format, piece after piece, into a file that appears whole.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "cria/core/quantise.hpp"
#include "cria/io/atomic_file.hpp"
#include "cria/io/checksum.hpp"

namespace cria::io {

/// What a file came to, for whoever wants to recognise it later.
struct written {
  std::uint64_t size, checksum;
};

class tensor_sink;

/// Gives the values of tensor `index` to the sink, in order, in pieces of any number. Called once for each, when its
/// place in the file is reached.
using tensor_source = std::function<void(std::size_t index, tensor_sink& to)>;

/// Called with the number of bytes whenever some were written; what it throws ends the writing.
using write_watch = std::function<void(std::uint64_t bytes)>;

/// A file that is written from its beginning to its end, and its checksum with it. It appears when it is whole.
class tensor_file {
 public:
  explicit tensor_file(std::string path, write_watch watch = {}) : file_(std::move(path)), watch_(std::move(watch)) {}

  void write(std::span<std::byte const> bytes) {
    for (; !bytes.empty(); bytes = bytes.subspan(std::min(piece, bytes.size()))) {
      auto const some = bytes.first(std::min(piece, bytes.size()));
      file_.write(some), sum_.update(some);
      if (watch_) watch_(some.size());
    }
  }
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  /// Zeros up to a multiple of `alignment`.
  void pad(std::uint64_t alignment) { write(std::string((alignment - file_.size() % alignment) % alignment, '\0')); }

  written commit() {
    file_.commit();
    return {file_.size(), sum_.value()};
  }

  /// One tensor of `count` values from `source(index)`. Throws cria::error when that has another number of them, and for
  /// finite values that f16, where that is the format, cannot hold.
  void write_tensor(std::string_view name, dtype format, std::uint64_t count, tensor_source const& source,
                    std::size_t index);

 private:
  static constexpr std::size_t piece = 1 << 20;
  atomic_file file_;
  checksum sum_;
  write_watch watch_;
};

/// Takes one tensor's values, piece by piece.
class tensor_sink {
 public:
  tensor_sink(tensor_file& file, dtype format) : file_(file), format_(format) {}

  dtype format() const { return format_; }

  /// Whole blocks of the format.
  void values(std::span<float const> some) {
    count_ += some.size();
    if (format_ == dtype::f32) return file_.write(std::as_bytes(some));
    auto const beyond = [](float x) { return std::isfinite(x) && std::abs(x) >= 65520; };  // rounds to infinity
    if (format_ == dtype::f16) too_large_ |= std::ranges::any_of(some, beyond);
    auto const rest = some.size() % std::size_t(facts(format_).block);
    ragged_ |= rest > 0;  // refused when the number of values is known
    some = some.first(some.size() - rest);
    constexpr std::size_t at_once = 1 << 16;  // whole blocks of every format
    for (; !some.empty(); some = some.subspan(std::min(at_once, some.size())))
      file_.write(encode(format_, some.first(std::min(at_once, some.size()))));
  }
  /// Values that are in the format already.
  void bytes(std::span<std::byte const> some) {
    count_ += some.size() / std::size_t(facts(format_).bytes) * std::size_t(facts(format_).block);
    file_.write(some);
  }
  std::uint64_t count() const { return count_; }
  /// Whether a piece was not whole blocks.
  bool ragged() const { return ragged_; }
  /// Whether a finite value became infinite in f16.
  bool too_large() const { return too_large_; }

 private:
  tensor_file& file_;
  dtype format_;
  std::uint64_t count_ = 0;
  bool ragged_ = false, too_large_ = false;
};

inline void tensor_file::write_tensor(std::string_view name, dtype format, std::uint64_t count,
                                      tensor_source const& source, std::size_t index) {
  tensor_sink sink(*this, format);
  source(index, sink);
  if (sink.count() != count)
    throw error(fmt::format("{}: {}", file_.path(), printable(name)), "number of values", std::to_string(count),
                std::to_string(sink.count()));
  if (sink.ragged())
    throw error(fmt::format("{}: {}", file_.path(), printable(name)), "values in pieces", "whole blocks", "others");
  if (sink.too_large())
    throw error(fmt::format("{}: {}", file_.path(), printable(name)), "values in f16", "at most 65504", "larger ones");
}

}  // namespace cria::io
