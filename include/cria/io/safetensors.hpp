#pragma once
// safetensors: one file, or several with an index that says which tensor is where, as Hugging Face's folders have them.
#include <algorithm>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/io/byte_reader.hpp"
#include "cria/io/file_tensor.hpp"
#include "cria/io/json.hpp"
#include "cria/io/mapped_file.hpp"
#include "cria/io/safetensors_header.hpp"

namespace cria::io {
namespace detail {

/// Which file holds which tensor, by an index. Files are named by plain names, within the index's own folder.
inline std::map<std::string, std::string> weight_map(mapped_file const& index) {
  auto const& path = index.path();
  auto const object = read_json(index, 64 << 20, 4);
  auto const map = object.is_object() ? object.find("weight_map") : object.end();
  if (map == object.end() || !map->is_object()) throw error(path, "weight_map", "a JSON object", "something else");
  std::map<std::string, std::string> out;
  for (auto const& [tensor, file] : map->items()) {
    auto const name = file.is_string() ? file.get<std::string>() : "";
    // of a file system's length, without folders and control characters
    bool const fit = !name.empty() && name.size() < 256 && name != "." && name != ".." &&
                     name.find_first_of("/\\") == std::string::npos && one_line(name) == name;
    if (!fit)
      throw error(path + ": " + printable(tensor), "file of the tensor", "the name of a file in the same folder",
                  file.is_string() ? "\"" + printable(name) + "\"" : file.type_name());
    out.emplace(tensor, name);
  }
  return out;
}

}  // namespace detail

/// The tensors of one or several .safetensors files. Everything is checked when they are opened.
class safetensors {
 public:
  /// One file. Throws cria::error for anything that is not as the format says.
  explicit safetensors(mapped_file file) {
    files_.push_back(std::move(file));
    tensors_ = detail::safetensors_header::read(files_[0]);
    for (std::size_t i = 0; i < tensors_.size(); ++i) index_.emplace(tensors_[i].name, i);
  }

  /// Several: `index` is a model.safetensors.index.json, whose weight_map names a file for each tensor, and `open` gives
  /// the files. Throws cria::error for names that are not those of files beside it, and where map and files differ.
  safetensors(mapped_file index, std::function<mapped_file(std::string const& name)> const& open) {
    files_.push_back(std::move(index));
    auto const file_of = detail::weight_map(files_[0]);
    std::set<std::string> names;
    for (auto const& [tensor, file] : file_of) names.insert(file);
    std::vector<std::string const*> found_in;  // of each tensor
    for (auto const& name : names) {
      files_.push_back(open(name));
      for (auto& t : detail::safetensors_header::read(files_.back()))
        tensors_.push_back(std::move(t)), found_in.push_back(&name);
    }
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      auto const& name = tensors_[i].name;
      auto const [entry, added] = index_.emplace(name, i);
      if (!added)
        throw error(where(name), "a tensor is in two files", "one",
                    printable(*found_in[entry->second]) + " and " + printable(*found_in[i]));
      auto const given = file_of.find(name);
      if (given == file_of.end())
        throw error(where(name), "a tensor that weight_map doesn't name", "none", printable(*found_in[i]));
      if (given->second != *found_in[i])
        throw error(where(name), "a tensor is in another file than weight_map says", printable(given->second),
                    printable(*found_in[i]));
    }
    for (auto const& [name, file] : file_of)
      if (!index_.contains(name)) throw error(where(name), "missing tensor", "in " + printable(file), "none there");
  }

  /// The tensors of a folder: in model.safetensors, or where there is none in the files of its index.
  static safetensors open_folder(std::string const& folder) {
    std::filesystem::path const path(folder);
    if (auto const one = path / "model.safetensors"; is_there(one.string()))
      return safetensors(mapped_file(one.string()));
    auto const index = path / "model.safetensors.index.json";
    if (!is_there(index.string()))
      throw error(folder, "has no weights", "model.safetensors or model.safetensors.index.json", "neither");
    return safetensors(mapped_file(index.string()),
                       [&](std::string const& name) { return mapped_file((path / name).string()); });
  }

  static bool recognises(std::span<std::byte const> bytes) {
    std::uint64_t length = 0;
    if (bytes.size() < 10 || bytes[8] != std::byte{'{'}) return false;
    std::memcpy(&length, bytes.data(), 8);
    return length <= bytes.size() - 8;
  }

  /// The file, or the index of several.
  mapped_file const& file() const { return files_[0]; }
  std::string const& path() const { return file().path(); }
  std::vector<file_tensor> const& tensors() const { return tensors_; }

  file_tensor const* tensor(std::string_view name) const {
    auto const found = index_.find(name);
    return found == index_.end() ? nullptr : &tensors_[found->second];
  }

  /// Lets go of the pages that hold `range`, a part of a tensor's bytes; reading them again brings them back.
  void release(std::span<std::byte const> range) const {
    for (auto const& f : files_) f.release(range);
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

  std::string where(std::string_view name) const { return path() + ": " + printable(name); }

  std::vector<mapped_file> files_;
  std::vector<file_tensor> tensors_;
  std::unordered_map<std::string_view, std::size_t> index_;  // names in tensors_, which no longer changes
};

}  // namespace cria::io
