#pragma once
// safetensors: a JSON header and tensors behind it. Source: the format section of safetensors' README.
#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/core/dtype.hpp"
#include "cria/core/error.hpp"
#include "cria/io/byte_reader.hpp"
#include "cria/io/json.hpp"
#include "cria/io/mapped_file.hpp"

namespace cria::io {

struct safetensor {
  std::string name, type;            // type as the file says it: F32, BF16, I64, ...
  std::vector<std::uint64_t> shape;  // slowest axis first
  std::span<std::byte const> bytes;

  /// The library's own name of the type, where it can compute with it.
  std::optional<dtype> format() const {
    if (type == "F32") return dtype::f32;
    if (type == "F16") return dtype::f16;
    if (type == "BF16") return dtype::bf16;
    return {};
  }
};

/// One .safetensors file. Everything is checked when it is opened: types, shapes, and that the tensors fill the file
/// without a gap or an overlap.
class safetensors {
 public:
  /// Throws cria::error for anything that is not as the format says.
  explicit safetensors(mapped_file file) : file_(std::move(file)) {
    byte_reader in(path(), file_.bytes());
    auto const length = in.read<std::uint64_t>("the header's length");
    constexpr std::uint64_t most = 100'000'000;  // as in the reference
    if (length > most)
      throw error(path(), "length of the header", fmt::format("at most {}", most), std::to_string(length));
    auto const header = parse_json(path(), as_text(in.take(length, "the header")), 4);
    if (!header.is_object()) throw error(path(), "header", "a JSON object", header.type_name());
    auto const data = in.take(in.remaining(), "the data");
    for (auto const& [name, entry] : header.items())
      if (name != "__metadata__") add(name, entry, data);
    check_that_it_is_full(data);
  }

  static bool recognises(std::span<std::byte const> bytes) {
    std::uint64_t length = 0;
    if (bytes.size() < 10 || bytes[8] != std::byte{'{'}) return false;
    std::memcpy(&length, bytes.data(), 8);
    return length <= bytes.size() - 8;
  }

  std::string const& path() const { return file_.path(); }
  mapped_file const& file() const { return file_; }
  std::vector<safetensor> const& tensors() const { return tensors_; }

  safetensor const* tensor(std::string_view name) const {
    auto const found = index_.find(name);
    return found == index_.end() ? nullptr : &tensors_[found->second];
  }

  /// All values of a tensor of exactly T's type, in the order of the file. Throws cria::error when it is absent or of
  /// another type.
  template <class T> std::vector<T> values(std::string_view name) const {
    auto const* const t = tensor(name);
    if (t == nullptr) throw error(where(name), "missing tensor");
    if (t->type != name_of<T>()) throw error(where(name), "type", name_of<T>(), t->type);
    std::vector<T> out(t->bytes.size() / sizeof(T));
    if (!out.empty()) std::memcpy(out.data(), t->bytes.data(), t->bytes.size());
    return out;
  }

 private:
  template <class T> static constexpr std::string_view name_of() {
    if constexpr (std::same_as<T, float>) return "F32";
    if constexpr (std::same_as<T, double>) return "F64";
    if constexpr (std::same_as<T, std::int32_t>) return "I32";
    if constexpr (std::same_as<T, std::int64_t>) return "I64";
    if constexpr (std::same_as<T, std::uint8_t>) return "U8";
  }

  static std::uint64_t bytes_of_one(std::string_view type) {
    static constexpr std::array<std::pair<std::string_view, int>, 15> table{{{"F64", 8},
                                                                             {"F32", 4},
                                                                             {"F16", 2},
                                                                             {"BF16", 2},
                                                                             {"F8_E4M3", 1},
                                                                             {"F8_E5M2", 1},
                                                                             {"I64", 8},
                                                                             {"I32", 4},
                                                                             {"I16", 2},
                                                                             {"I8", 1},
                                                                             {"U64", 8},
                                                                             {"U32", 4},
                                                                             {"U16", 2},
                                                                             {"U8", 1},
                                                                             {"BOOL", 1}}};
    auto const* const found = std::ranges::find(table, type, &std::pair<std::string_view, int>::first);
    return found == table.end() ? 0 : std::uint64_t(found->second);
  }

  void add(std::string const& name, json const& entry, std::span<std::byte const> data) {
    safetensor t{.name = name, .type = {}, .shape = {}, .bytes = {}};
    if (!entry.is_object()) throw error(where(name), "description", "a JSON object", entry.type_name());
    auto const type = entry.find("dtype");
    if (type == entry.end() || !type->is_string()) throw error(where(name), "dtype", "text", "something else");
    t.type = type->get<std::string>();
    std::uint64_t const one = bytes_of_one(t.type);
    if (one == 0) throw error(where(name), "dtype", "a type of safetensors", printable(t.type));
    t.shape = naturals(entry, "shape", name);
    std::uint64_t bytes = one;
    for (auto const extent : t.shape) bytes = saturated_product(bytes, extent);
    auto const offsets = naturals(entry, "data_offsets", name);
    if (offsets.size() != 2) throw error(where(name), "data_offsets", "two numbers", std::to_string(offsets.size()));
    if (offsets[0] > offsets[1] || offsets[1] > data.size())
      throw error(where(name), "data outside of the file", fmt::format("within 0 to {}", data.size()),
                  fmt::format("{} to {}", offsets[0], offsets[1]));
    if (offsets[1] - offsets[0] != bytes)
      throw error(where(name), "size of the data", fmt::format("{} bytes", bytes),
                  fmt::format("{}", offsets[1] - offsets[0]));
    t.bytes = data.subspan(std::size_t(offsets[0]), std::size_t(bytes));
    tensors_.push_back(std::move(t));
  }

  std::vector<std::uint64_t> naturals(json const& entry, std::string_view member, std::string const& name) const {
    auto const found = entry.find(member);
    bool good = found != entry.end() && found->is_array();
    for (std::size_t i = 0; good && i < found->size(); ++i) good = (*found)[i].is_number_unsigned();
    if (!good) throw error(where(name), member, "an array of whole numbers", "something else");
    return found->get<std::vector<std::uint64_t>>();
  }

  void check_that_it_is_full(std::span<std::byte const> data) {
    std::ranges::sort(tensors_, {}, [](auto const& t) { return std::pair(t.bytes.data(), t.bytes.size()); });
    auto const* expected = data.data();
    for (auto const& t : tensors_) {
      if (t.bytes.data() != expected)
        throw error(where(t.name), "data follows the tensor before it", fmt::format("byte {}", expected - data.data()),
                    fmt::format("byte {}", t.bytes.data() - data.data()));
      expected += t.bytes.size();
    }
    auto const used = std::size_t(expected - data.data());
    if (used != data.size())
      throw error(path(), "size of the data", fmt::format("{} bytes", used), fmt::format("{}", data.size()));
    for (std::size_t i = 0; i < tensors_.size(); ++i) index_.emplace(tensors_[i].name, i);
  }

  std::string where(std::string_view name) const { return path() + ": " + printable(name); }

  mapped_file file_;
  std::vector<safetensor> tensors_;
  std::unordered_map<std::string_view, std::size_t> index_;  // names in tensors_, which no longer changes
};

}  // namespace cria::io
