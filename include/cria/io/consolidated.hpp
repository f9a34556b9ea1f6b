#pragma once
// Llama as Meta publishes it: consolidated.00.pth, .01 and so on, each with a part of every weight, cut as the model
// was over devices. Source: llama/model.py of Meta's llama and models/llama3/model.py of llama-models
// (ColumnParallelLinear, RowParallelLinear, ParallelEmbedding, VocabParallelEmbedding).
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/io/file_tensor.hpp"
#include "cria/io/merged_tensor.hpp"
#include "cria/io/torch_file.hpp"

namespace cria::io {

/// Meta's consolidated.00.pth and those beside it, as one file.
class consolidated {
 public:
  /// `files` in order; `embed` is the model's width ("dim" of params.json), which tells how the embedding was cut: in
  /// Llama 1 and 2 along its width, in Llama 3 along the vocabulary. rope.freqs, which follows from theta, is left out.
  /// Throws cria::error where the files don't agree, and for a matrix of which it isn't known how it was cut.
  consolidated(std::vector<torch_file> files, std::uint64_t embed) : files_(std::move(files)) {
    if (files_.empty()) throw error("consolidated", "number of files", "1 and more", "0");
    for (auto const& t : files_[0].tensors())
      if (t.name != "rope.freqs") tensors_.push_back(merge(t, embed));
    for (auto const& file : files_)
      for (auto const& t : file.tensors())
        if (files_[0].tensor(t.name) == nullptr) throw error(where(files_[0], t.name), "missing tensor");
    for (std::size_t i = 0; i < tensors_.size(); ++i) index_.emplace(tensors_[i].name, i);
  }

  /// All consolidated.NN.pth of a folder.
  static consolidated open_folder(std::string const& folder, std::uint64_t embed) {
    std::error_code failed;
    std::size_t count = 0;
    for (std::filesystem::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
      auto const name = at->path().filename().string();
      count += name.size() == 19 && name.starts_with("consolidated.") && name.ends_with(".pth");
    }
    if (failed) throw error(folder, "cannot be read: " + failed.message());
    std::vector<torch_file> files;
    for (std::size_t i = 0; i < std::max<std::size_t>(count, 1); ++i)
      files.emplace_back(
          mapped_file((std::filesystem::path(folder) / fmt::format("consolidated.{:02}.pth", i)).string()));
    return consolidated(std::move(files), embed);
  }

  /// The first file's.
  std::string const& path() const { return files_[0].path(); }
  std::vector<merged_tensor> const& tensors() const { return tensors_; }

  merged_tensor const* tensor(std::string_view name) const {
    auto const found = index_.find(name);
    return found == index_.end() ? nullptr : &tensors_[found->second];
  }

  /// Lets go of the pages that hold `range`, within a part of a weight; reading them again brings them back.
  void release(std::span<std::byte const> range) const {
    for (auto const& f : files_) f.file().release(range);
  }

 private:
  static std::string where(torch_file const& file, std::string_view name) {
    return file.path() + ": " + printable(name);
  }

  /// The axis along which `t`, a part of a matrix, was cut, or -1 where that isn't known.
  int axis_of(file_tensor const& t, std::uint64_t embed) const {
    auto const any_of = [&](auto... endings) { return (t.name.ends_with(endings) || ...); };
    if (any_of(".wq.weight", ".wk.weight", ".wv.weight", ".w1.weight", ".w3.weight") || t.name == "output.weight")
      return 0;
    if (any_of(".wo.weight", ".w2.weight")) return 1;
    if (t.name != "tok_embeddings.weight") return -1;
    if (t.shape[1] == embed) return 0;
    if (saturated_product(t.shape[1], files_.size()) == embed) return 1;
    auto const parts = files_.size();
    throw error(where(files_[0], t.name), "width of its part",
                embed % parts > 0 ? std::to_string(embed)
                                  : fmt::format("{}, or {} in each of {} files", embed, embed / parts, parts),
                std::to_string(t.shape[1]));
  }

  merged_tensor merge(file_tensor const& first, std::uint64_t embed) const {
    merged_tensor out{.name = first.name, .type = first.type, .shape = first.shape, .axis = 0, .parts = {first.bytes}};
    bool const one = files_.size() == 1, matrix = first.shape.size() == 2;
    if (first.shape.empty() || first.shape.size() > 2)
      throw error(where(files_[0], first.name), "number of axes", "1 or 2", std::to_string(first.shape.size()));
    for (auto const extent : first.shape)
      if (extent == 0) throw error(where(files_[0], first.name), "shape", "extents of 1 and more", "0");
    if (matrix && !one) out.axis = axis_of(first, embed);
    if (out.axis < 0)
      throw error(where(files_[0], first.name), "how the tensor was cut", "a weight of a Llama", "another");
    for (std::size_t i = 1; i < files_.size(); ++i) {
      auto const* const part = files_[i].tensor(first.name);
      if (part == nullptr) throw error(where(files_[i], first.name), "missing tensor");
      if (part->type != first.type) throw error(where(files_[i], first.name), "type", first.type, part->type);
      if (part->shape != first.shape)
        throw error(where(files_[i], first.name), "shape of its part",
                    fmt::format("[{}]", fmt::join(first.shape, ", ")),
                    fmt::format("[{}]", fmt::join(part->shape, ", ")));
      if (matrix) out.parts.push_back(part->bytes);  // of a norm all files have the whole
    }
    if (matrix) out.shape[std::size_t(out.axis)] = saturated_product(first.shape[std::size_t(out.axis)], files_.size());
    return out;
  }

  std::vector<torch_file> files_;
  std::vector<merged_tensor> tensors_;
  std::unordered_map<std::string_view, std::size_t> index_;  // names in tensors_, which no longer changes
};

}  // namespace cria::io
