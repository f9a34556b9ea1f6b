#pragma once
// GGUF version 2 and 3: metadata and tensors. Source: docs/gguf.md of ggml.
#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/io/byte_reader.hpp"
#include "cria/io/ggml_type.hpp"
#include "cria/io/gguf_value.hpp"
#include "cria/io/mapped_file.hpp"

namespace cria::io {

/// A tensor of a GGUF, in the mapped file.
struct gguf_tensor {
  std::string_view name;
  std::vector<std::uint64_t> shape;  // fastest axis first, as stored
  ggml_type type;
  std::span<std::byte const> bytes;  // empty when the type is none the library can measure
};

/// A GGUF file. Everything is checked when it is opened: sizes, offsets, kinds, double names.
class gguf {
 public:
  /// Throws cria::error for anything that is not as the format says.
  explicit gguf(mapped_file file) : file_(std::move(file)) {
    byte_reader in(path(), file_.bytes());
    if (as_text(in.take(4, "the magic")) != "GGUF")
      throw error(path(), "not a GGUF file", "magic GGUF", "something else");
    version_ = in.read<std::uint32_t>("the version");
    if (version_ != 2 && version_ != 3) throw error(path(), "GGUF version", "2 or 3", std::to_string(version_));
    auto const tensors = in.read<std::uint64_t>("the number of tensors"),
               keys = in.read<std::uint64_t>("the number of keys");
    bounded(in, tensors, 24, "tensors");  // the least that one takes
    bounded(in, keys, 13, "keys");
    for (std::uint64_t i = 0; i < keys; ++i) read_key(in);
    std::vector<std::uint64_t> offsets;
    for (std::uint64_t i = 0; i < tensors; ++i) offsets.push_back(read_tensor(in));
    place(in.position(), offsets);
  }

  static bool recognises(std::span<std::byte const> bytes) { return as_text(bytes).starts_with("GGUF"); }

  std::string const& path() const { return file_.path(); }
  mapped_file const& file() const { return file_; }
  std::uint32_t version() const { return version_; }
  std::vector<gguf_tensor> const& tensors() const { return tensors_; }
  std::vector<std::string_view> const& keys() const { return keys_; }

  gguf_tensor const* tensor(std::string_view name) const {
    auto const found = tensor_index_.find(name);
    return found == tensor_index_.end() ? nullptr : &tensors_[found->second];
  }

  gguf_value const* find(std::string_view key) const {
    auto const found = values_.find(key);
    return found == values_.end() ? nullptr : &found->second;
  }

  /// The value of `key`, or nothing when it is absent. Throws cria::error when it is of another kind, or out of range.
  std::optional<std::int64_t> integer(std::string_view key, std::int64_t low, std::int64_t high) const {
    auto const* const value = find(key);
    if (value == nullptr) return {};
    if (auto const* const n = std::get_if<std::uint64_t>(value);
        n != nullptr && *n <= std::uint64_t(high) && (low < 0 || *n >= std::uint64_t(low)))
      return std::int64_t(*n);
    if (auto const* const n = std::get_if<std::int64_t>(value); n != nullptr && *n >= low && *n <= high) return *n;
    throw error(path(), std::string(key), fmt::format("a whole number from {} to {}", low, high), describe(*value));
  }
  std::optional<double> number(std::string_view key) const { return get<double>(key, "a floating-point number"); }
  std::optional<bool> boolean(std::string_view key) const { return get<bool>(key, "a boolean"); }
  std::optional<std::string_view> text(std::string_view key) const { return get<std::string_view>(key, "text"); }

  std::vector<std::string_view> const* texts(std::string_view key) const {
    auto const* const array = array_of(key, gguf_kind::text);
    return array == nullptr ? nullptr : &array->texts;
  }
  /// Numbers of exactly T's kind: f32 or i32. Empty when the key is absent.
  template <class T> std::vector<T> numbers(std::string_view key) const {
    auto const* const array = array_of(key, std::same_as<T, float> ? gguf_kind::f32 : gguf_kind::i32);
    std::vector<T> values(array == nullptr ? 0 : array->size);
    if (!values.empty()) std::memcpy(values.data(), array->raw.data(), array->raw.size());
    return values;
  }

 private:
  void bounded(byte_reader const& in, std::uint64_t count, std::uint64_t least_bytes, std::string_view what) const {
    if (saturated_product(count, least_bytes) > in.remaining())
      throw error(path(), fmt::format("the number of {}", what),
                  fmt::format("at most {} in a file of this size", in.remaining() / least_bytes),
                  std::to_string(count));
  }

  std::string_view read_text(byte_reader& in, std::string_view what) const {
    auto const length = in.read<std::uint64_t>(what);
    return as_text(in.take(length, what));
  }

  gguf_kind read_kind(byte_reader& in, std::string_view key) const {
    auto const kind = in.read<std::uint32_t>(key);
    if (kind >= gguf_kind_names.size())
      throw error(path(), fmt::format("the kind of {}", printable(key)), "0 to 12", std::to_string(kind));
    return gguf_kind(kind);
  }

  void read_key(byte_reader& in) {
    std::string_view const key = read_text(in, "a key");
    auto const kind = read_kind(in, key);
    if (!values_.emplace(key, read_value(in, kind, key)).second)
      throw error(path(), fmt::format("key {} is there twice", printable(key)));
    keys_.push_back(key);
  }

  gguf_value read_value(byte_reader& in, gguf_kind kind, std::string_view key) const {
    auto const natural = [&]<class T>(T) { return gguf_value(std::uint64_t(in.read<T>(key))); };
    auto const whole = [&]<class T>(T) { return gguf_value(std::int64_t(in.read<T>(key))); };
    switch (kind) {
      case gguf_kind::u8: return natural(std::uint8_t{});
      case gguf_kind::u16: return natural(std::uint16_t{});
      case gguf_kind::u32: return natural(std::uint32_t{});
      case gguf_kind::u64: return natural(std::uint64_t{});
      case gguf_kind::i8: return whole(std::int8_t{});
      case gguf_kind::i16: return whole(std::int16_t{});
      case gguf_kind::i32: return whole(std::int32_t{});
      case gguf_kind::i64: return whole(std::int64_t{});
      case gguf_kind::f32: return double(in.read<float>(key));
      case gguf_kind::f64: return in.read<double>(key);
      case gguf_kind::boolean: {
        auto const value = in.read<std::uint8_t>(key);
        if (value > 1) throw error(path(), printable(key), "a boolean, 0 or 1", std::to_string(value));
        return value == 1;
      }
      case gguf_kind::text: return read_text(in, key);
      case gguf_kind::array: break;
    }
    return read_array(in, key, 1);
  }

  gguf_array read_array(byte_reader& in, std::string_view key, int depth) const {
    if (depth > 4) throw error(path(), printable(key), "at most 4 arrays in each other", "more");
    gguf_array array;
    array.kind = read_kind(in, key);
    auto const size = in.read<std::uint64_t>(key);
    bool const text = array.kind == gguf_kind::text, nested = array.kind == gguf_kind::array;
    auto const least = text ? 8u : nested ? 12u : unsigned(gguf_kind_bytes[std::size_t(array.kind)]);
    bounded(in, size, least, fmt::format("values of {}", printable(key)));
    array.size = std::size_t(size);
    if (!text && !nested) array.raw = in.take(size * least, key);
    for (std::uint64_t i = 0; text && i < size; ++i) array.texts.push_back(read_text(in, key));
    for (std::uint64_t i = 0; nested && i < size; ++i) array.arrays.push_back(read_array(in, key, depth + 1));
    return array;
  }

  /// Returns the offset, which can be judged only when the place of the data is known.
  std::uint64_t read_tensor(byte_reader& in) {
    gguf_tensor t{.name = read_text(in, "a tensor's name"), .shape = {}, .type = {}, .bytes = {}};
    auto const axes = in.read<std::uint32_t>("a tensor's number of axes");
    if (axes < 1 || axes > 4) throw error(where(t), "number of axes", "1 to 4", std::to_string(axes));
    for (std::uint32_t i = 0; i < axes; ++i) t.shape.push_back(in.read<std::uint64_t>("a tensor's shape"));
    t.type = ggml_type_of(in.read<std::uint32_t>("a tensor's type"));
    if (!tensor_index_.emplace(t.name, tensors_.size()).second)
      throw error(where(t), "a tensor of this name is there twice");
    tensors_.push_back(std::move(t));
    return in.read<std::uint64_t>("a tensor's offset");
  }

  void place(std::size_t end_of_header, std::vector<std::uint64_t> const& offsets) {
    auto const alignment = std::uint64_t(integer("general.alignment", 1, 1 << 20).value_or(32));
    if ((alignment & (alignment - 1)) != 0)
      throw error(path(), "general.alignment", "a power of two", std::to_string(alignment));
    auto const all = file_.bytes();
    std::uint64_t const start = (end_of_header + alignment - 1) / alignment * alignment;
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      auto& t = tensors_[i];
      if (offsets[i] % alignment != 0)
        throw error(where(t), "offset", fmt::format("a multiple of {}", alignment), std::to_string(offsets[i]));
      std::uint64_t values = 1;
      for (auto const extent : t.shape) {
        if (extent == 0) throw error(where(t), "shape", "extents of 1 and more", "0");
        values = saturated_product(values, extent);
      }
      if (t.type.block == 0) continue;
      if (t.shape[0] % t.type.block != 0)
        throw error(where(t), "length of a row", fmt::format("a multiple of {} for {}", t.type.block, t.type.name),
                    std::to_string(t.shape[0]));
      auto const bytes = saturated_product(values / t.type.block, t.type.bytes);
      auto const room = start <= all.size() ? all.size() - start : 0;
      if (offsets[i] > room || bytes > room - offsets[i])
        throw error(where(t), "data outside of the file", fmt::format("{} bytes at {}", bytes, offsets[i]),
                    fmt::format("{} bytes of data in all", room));
      t.bytes = all.subspan(std::size_t(start + offsets[i]), std::size_t(bytes));
    }
    refuse_overlaps();
  }

  void refuse_overlaps() const {
    std::vector<gguf_tensor const*> placed;
    for (auto const& t : tensors_)
      if (!t.bytes.empty()) placed.push_back(&t);
    std::sort(placed.begin(), placed.end(), [](auto* a, auto* b) { return a->bytes.data() < b->bytes.data(); });
    for (std::size_t i = 1; i < placed.size(); ++i) {
      auto const gap = placed[i]->bytes.data() - placed[i - 1]->bytes.data();
      auto const needed = std::ptrdiff_t(placed[i - 1]->bytes.size());
      if (gap < needed)
        throw error(where(*placed[i]), "data overlaps that of " + printable(placed[i - 1]->name),
                    fmt::format("at least {} bytes after it", needed), std::to_string(gap));
    }
  }

  std::string where(gguf_tensor const& t) const { return path() + ": " + printable(t.name); }

  template <class T> std::optional<T> get(std::string_view key, std::string_view expected) const {
    auto const* const value = find(key);
    if (value == nullptr) return {};
    if (auto const* const v = std::get_if<T>(value)) return *v;
    throw error(path(), std::string(key), expected, describe(*value));
  }

  gguf_array const* array_of(std::string_view key, gguf_kind kind) const {
    auto const* const value = find(key);
    if (value == nullptr) return nullptr;
    auto const* const array = std::get_if<gguf_array>(value);
    if (array == nullptr || array->kind != kind)
      throw error(path(), std::string(key), fmt::format("an array of {}", gguf_kind_names[std::size_t(kind)]),
                  describe(*value));
    return array;
  }

  mapped_file file_;
  std::uint32_t version_ = 0;
  std::vector<std::string_view> keys_;
  std::unordered_map<std::string_view, gguf_value> values_;
  std::vector<gguf_tensor> tensors_;
  std::unordered_map<std::string_view, std::size_t> tensor_index_;
};

}  // namespace cria::io
