#pragma once
// Weights as torch.save writes them: a zip archive of one pickle, which says what the tensors are, and their storages.
// Source: torch/serialization.py of PyTorch.
#include <cstdint>
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
#include "cria/io/mapped_file.hpp"
#include "cria/io/pickle.hpp"
#include "cria/io/zip.hpp"

namespace cria::io {

/// One file of tensors in f32, f16 or bf16. Everything is checked when it is opened; nothing in it is executed.
class torch_file {
 public:
  /// Throws cria::error for what is not a dictionary of contiguous tensors, and for files of PyTorch before 1.6.
  explicit torch_file(mapped_file file) : file_(std::move(file)) {
    auto const bytes = file_.bytes();
    if (!zip_archive::recognises(bytes))
      throw error(
          path(), "not a file of torch.save", "a zip archive",
          is_old(bytes) ? "the format before PyTorch 1.6; load and save it again with a newer one" : "something else");
    zip_archive const archive(path(), bytes);
    auto const pickle = find_pickle(archive);
    auto const folder = std::string(pickle.substr(0, pickle.find('/') + 1));
    if (archive.entries().contains(folder + "byteorder"))
      if (auto const order = as_text(archive.entry(folder + "byteorder")); order != "little")
        throw error(path(), "byte order", "little", printable(order));
    auto const described = unpickler::tensors(path() + ": " + printable(pickle), archive.entry(pickle));
    for (auto const& t : described) add(archive, folder, t);
    for (std::size_t i = 0; i < tensors_.size(); ++i)
      if (!index_.emplace(tensors_[i].name, i).second)
        throw error(where(tensors_[i].name), "a tensor of this name is there twice");
  }

  static bool recognises(std::span<std::byte const> bytes) { return zip_archive::recognises(bytes) || is_old(bytes); }

  mapped_file const& file() const { return file_; }
  std::string const& path() const { return file_.path(); }
  std::vector<file_tensor> const& tensors() const { return tensors_; }

  file_tensor const* tensor(std::string_view name) const {
    auto const found = index_.find(name);
    return found == index_.end() ? nullptr : &tensors_[found->second];
  }

 private:
  /// A pickle of protocol 2 that begins with torch's magic number.
  static bool is_old(std::span<std::byte const> bytes) {
    return as_text(bytes).starts_with("\x80\x02\x8a\x0a\x6c\xfc\x9c");
  }

  std::string_view find_pickle(zip_archive const& archive) const {
    std::string_view found;
    for (auto const& [name, content] : archive.entries()) {
      auto const slash = name.find('/');
      if (slash == std::string_view::npos || name.substr(slash) != "/data.pkl") continue;
      if (!found.empty())
        throw error(path(), "pickles in the archive", "one", printable(found) + " and " + printable(name));
      found = name;
    }
    if (found.empty())
      throw error(path(), "not a file of torch.save", "an archive with FOLDER/data.pkl", "an archive without");
    return found;
  }

  void add(zip_archive const& archive, std::string const& folder, pickled_tensor const& t) {
    auto const refuse = [&](std::string_view what, std::string_view expected, std::string_view found) {
      throw error(where(t.name), what, expected, found);
    };
    file_tensor out{.name = std::string(t.name), .type = std::string(t.type), .shape = {}, .bytes = {}};
    auto const one = std::uint64_t(facts(*out.format()).bytes);
    auto const content = archive.entry(fmt::format("{}data/{}", folder, t.key));
    if (t.stored < 0 || content.size() != saturated_product(std::uint64_t(t.stored), one))
      refuse("size of its storage", fmt::format("{} values", t.stored), fmt::format("{} bytes", content.size()));
    if (t.strides.size() != t.shape.size())
      refuse("number of strides", std::to_string(t.shape.size()), std::to_string(t.strides.size()));
    std::uint64_t count = 1;
    bool contiguous = true;
    for (std::size_t i = t.shape.size(); i-- > 0;) {
      if (t.shape[i] < 0) refuse("shape", "extents of 0 and more", std::to_string(t.shape[i]));
      contiguous &= t.shape[i] == 1 || std::uint64_t(t.strides[i]) == count;
      count = saturated_product(count, std::uint64_t(t.shape[i]));
    }
    if (t.offset < 0 || t.offset > t.stored || count > std::uint64_t(t.stored - t.offset))
      refuse("place in its storage", fmt::format("within {} values", t.stored),
             fmt::format("{} at {}", count, t.offset));
    if (count > 0 && !contiguous)
      refuse("strides", "those of rows one after the other",
             fmt::format("[{}] of shape [{}]", fmt::join(t.strides, ", "), fmt::join(t.shape, ", ")));
    out.shape.assign(t.shape.begin(), t.shape.end());
    out.bytes = content.subspan(std::size_t(std::uint64_t(t.offset) * one), std::size_t(count * one));
    tensors_.push_back(std::move(out));
  }

  std::string where(std::string_view name) const { return path() + ": " + printable(name); }

  mapped_file file_;
  std::vector<file_tensor> tensors_;
  std::unordered_map<std::string_view, std::size_t> index_;  // names in tensors_, which no longer changes
};

}  // namespace cria::io
