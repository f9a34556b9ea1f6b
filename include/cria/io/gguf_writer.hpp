#pragma once
// Writes GGUF version 3: metadata and tensors. Source: docs/gguf.md of ggml.
#include <algorithm>
#include <concepts>
#include <cstdint>
#include <numeric>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/io/gguf.hpp"
#include "cria/io/tensor_file.hpp"

namespace cria::io {

/// Gathers keys and the tensors' names; write() then asks for their values one by one.
class gguf_writer {
 public:
  gguf_writer& text(std::string_view key, std::string_view value) { return add(key, gguf_kind::text, sized(value)); }
  gguf_writer& boolean(std::string_view key, bool value) {
    return add(key, gguf_kind::boolean, std::string(1, char(value)));
  }
  gguf_writer& whole(std::string_view key, std::uint32_t value) { return add(key, gguf_kind::u32, raw(value)); }
  gguf_writer& number(std::string_view key, float value) { return add(key, gguf_kind::f32, raw(value)); }
  gguf_writer& texts(std::string_view key, std::vector<std::string> const& values) {
    std::string all = raw(gguf_kind::text) + raw(std::uint64_t(values.size()));
    for (auto const& v : values) all += sized(v);
    return add(key, gguf_kind::array, all);
  }
  /// T is float or std::int32_t.
  template <class T>
  gguf_writer& numbers(std::string_view key, std::vector<T> const& values) {
    auto const kind = std::same_as<T, float> ? gguf_kind::f32 : gguf_kind::i32;
    auto const bytes = as_text(std::as_bytes(std::span(values)));
    return add(key, gguf_kind::array, raw(kind) + raw(std::uint64_t(values.size())).append(bytes));
  }
  /// A key of another file with its value, in 32 bits where that fits. Throws cria::error for one that isn't there, and
  /// for arrays in arrays.
  gguf_writer& copy(gguf const& from, std::string_view key) {
    auto const* const found = from.find(key);
    if (found == nullptr) throw error(from.path(), fmt::format("missing key {}", printable(key)));
    auto const narrow = [&]<class Small>(auto wide, Small small, gguf_kind small_kind,
                                         gguf_kind wide_kind) -> gguf_writer& {
      return std::in_range<Small>(wide) ? add(key, small_kind, raw(small)) : add(key, wide_kind, raw(wide));
    };
    if (auto const* const n = std::get_if<std::uint64_t>(found))
      return narrow(*n, std::uint32_t(*n), gguf_kind::u32, gguf_kind::u64);
    if (auto const* const n = std::get_if<std::int64_t>(found))
      return narrow(*n, std::int32_t(*n), gguf_kind::i32, gguf_kind::i64);
    if (auto const* const x = std::get_if<double>(found))
      return double(float(*x)) == *x ? number(key, float(*x)) : add(key, gguf_kind::f64, raw(*x));
    if (auto const* const yes = std::get_if<bool>(found)) return boolean(key, *yes);
    if (auto const* const value = std::get_if<std::string_view>(found)) return text(key, *value);
    auto const& array = std::get<gguf_array>(*found);
    if (array.kind == gguf_kind::array)
      throw error(from.path(), printable(key), "numbers or texts", "arrays in an array");
    if (array.kind == gguf_kind::text) return texts(key, {array.texts.begin(), array.texts.end()});
    return add(key, gguf_kind::array, raw(array.kind) + raw(std::uint64_t(array.size)).append(as_text(array.raw)));
  }

  /// `shape` has its fastest axis first. Throws cria::error for a row that is no whole number of blocks.
  gguf_writer& tensor(std::string name, std::vector<std::uint64_t> const& shape, dtype format) {
    auto const block = std::uint64_t(facts(format).block);
    if (shape.empty() || shape[0] % block != 0)
      throw error(printable(name), fmt::format("length of a row in {}", facts(format).name),
                  fmt::format("a multiple of {}", block), std::to_string(shape.empty() ? 0 : shape[0]));
    if (!names_.insert(name).second) throw error(printable(name), "a tensor of this name is there twice");
    auto const count = std::accumulate(shape.begin(), shape.end(), std::uint64_t{1}, saturated_product);
    described_ += sized(name) + raw(std::uint32_t(shape.size()));
    for (auto const extent : shape) described_ += raw(extent);
    described_ += raw(ggml_number_of(format)) + raw(end_);
    end_ = (end_ + bytes_of(format, count) + alignment - 1) / alignment * alignment;
    tensors_.push_back({std::move(name), format, count});
    return *this;
  }

  /// All that lies before the tensors' values; where there are no tensors, the whole file.
  std::string head() const {
    return "GGUF" + raw(std::uint32_t{3}) + raw(std::uint64_t(tensors_.size())) + raw(std::uint64_t(keys_.size())) +
           metadata_ + described_;
  }

  written write(std::string path, tensor_source const& source, write_watch watch = {}) const {
    tensor_file file(std::move(path), std::move(watch));
    file.write(head());
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      auto const& t = tensors_[i];
      file.pad(alignment), file.write_tensor(t.name, t.format, t.count, source, i);
    }
    file.pad(alignment);
    return file.commit();
  }

 private:
  static constexpr std::uint64_t alignment = 32;  // what readers assume
  struct plan {
    std::string name;
    dtype format;
    std::uint64_t count;
  };

  template <class T>
  static std::string raw(T value) {
    return std::string(as_text(std::as_bytes(std::span(&value, 1))));
  }
  static std::string sized(std::string_view text) { return raw(std::uint64_t(text.size())).append(text); }

  gguf_writer& add(std::string_view key, gguf_kind kind, std::string_view value) {
    if (!keys_.emplace(key).second) throw error(printable(key), "this key is there twice");
    metadata_ += sized(key) + raw(kind);
    metadata_ += value;
    return *this;
  }

  std::set<std::string, std::less<>> keys_, names_;
  std::string metadata_, described_;
  std::vector<plan> tensors_;
  std::uint64_t end_ = 0;  // of the data so far
};

}  // namespace cria::io
