#pragma once
// A Llama's weights in a file, whatever the file's format: the shape, and each weight in the library's layout.
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "cria/core/quantise.hpp"
#include "cria/io/mapped_file.hpp"
#include "cria/model/files/adapter.hpp"
#include "cria/model/files/gguf.hpp"
#include "cria/model/files/config_json.hpp"
#include "cria/model/files/hugging_face.hpp"
#include "cria/model/files/llama2c.hpp"
#include "cria/model/files/meta.hpp"
#include "cria/model/weight_file.hpp"

namespace cria::llama2 {

/// A checkpoint whose tensors have all been found, with the right shapes, in formats the library computes with.
class checkpoint final : public weight_file {
 public:
  /// Opens a GGUF, a llama2.c .bin (f32, or version 2 with int8 groups), a folder in Hugging Face's layout (config.json
  /// beside model.safetensors, which may be named itself, or beside several files with model.safetensors.index.json), or a
  /// folder of Meta's (params.json beside consolidated.00.pth and further parts). All are told apart by content. Throws
  /// cria::error naming file, tensor, expected and found.
  static checkpoint open(std::string const& path) {
    if (std::error_code ignored; std::filesystem::is_directory(path, ignored)) return open_folder(path);
    io::mapped_file file(path);
    auto const bytes = file.bytes();
    if (io::gguf::recognises(bytes)) return checkpoint(io::gguf(std::move(file)));
    if (io::safetensors::recognises(bytes))
      return checkpoint(io::safetensors(std::move(file)),
                        std::filesystem::path(path).replace_filename("config.json").string());
    if (io::llama2c::recognises(bytes)) return checkpoint(io::llama2c(std::move(file)));
    throw error(path, "not a checkpoint", "GGUF, safetensors or llama2.c's .bin",
                bytes.empty()
                    ? "an empty file"
                    : "\"" + io::printable(io::as_text(bytes.first(std::min<std::size_t>(bytes.size(), 8)))) + "\"");
  }

  explicit checkpoint(io::gguf file) : checkpoint(detail::read_shape(file), std::move(file)) {}
  explicit checkpoint(io::llama2c file) : checkpoint(detail::read_shape(file), std::move(file)) {}
  checkpoint(io::safetensors file, std::string const& config)
      : checkpoint(std::move(file), io::mapped_file(config)) {}
  checkpoint(io::safetensors file, io::mapped_file const& config)
      : checkpoint(detail::read_shape(config), std::move(file)) {}

  /// The model with an adapter, which was opened or made for its shape: from now on its weights are among the others, in
  /// f32. Throws cria::error where the model has one already, or the matrices have other shapes.
  void attach(adapter with) {
    if (shape_.adapter.rank > 0) throw error(path(), "adapters", "one", "a second one");
    auto shape = shape_;
    shape.adapter = with.shape();
    auto infos = weights_of(shape);
    with.check_fits(infos, shape.layers);
    weights_.insert(with.weights().begin(), with.weights().end());
    shape_ = std::move(shape), infos_ = std::move(infos), adapter_.emplace(std::move(with));
  }

  hyperparameters const& shape() const override { return shape_; }
  std::string const& path() const override {
    return std::visit([](auto const& file) -> std::string const& { return file.path(); }, file_);
  }

  /// "GGUF", "safetensors", "llama2.c" or "PyTorch".
  std::string_view format_name() const {
    constexpr std::string_view names[]{"GGUF", "safetensors", "llama2.c", "PyTorch"};
    return names[file_.index()];
  }

  /// The metadata (tokenizer, chat template), where the file is a GGUF; else null.
  io::gguf const* gguf() const { return std::get_if<io::gguf>(&file_); }

  /// The weights and their shapes; of a tied model without the head.
  std::vector<weight_info> const& weights() const { return infos_; }

  weight_values read(std::string_view name, int layer = 0) const override {
    auto const [w, from] = find(name, layer);
    auto const formats = shape_.format_of(name);
    auto const to = formats.mixed() ? from.format : formats.only();
    std::array const shape{w.rows, w.cols};
    if (from.format == to && from.is_plain()) return {to, shape, from.bytes};
    if (to == dtype::q8_f32) return {to, shape, blocks_of(from)};
    auto const columns = std::size_t(w.cols), rows = std::size_t(w.rows), row = bytes_of(to, columns);
    std::vector<std::byte> out(rows * row);
    if (from.format == to && facts(to).quantised()) {  // whole rows in another order
      for (std::size_t r = 0; r < rows; ++r)
        std::memcpy(out.data() + r * row, from.bytes.data() + detail::halves_row(r, std::size_t(shape_.head_dim)) * row, row);
      return {to, shape, std::move(out)};
    }
    constexpr int at_once = 64;
    std::vector<float> values(columns * at_once);
    for (int r = 0; r < w.rows; r += at_once) {
      int const count = std::min(at_once, w.rows - r);
      auto const some = std::span(values).first(columns * std::size_t(count));
      detail::read_rows(from, w, shape_.head_dim, r, count, some);
      auto const encoded = encode(to, some);
      std::ranges::copy(encoded, out.begin() + std::ptrdiff_t(std::size_t(r) * row));
    }
    return {to, shape, std::move(out)};
  }

  /// `count` rows from `first` on, in f32: `to` has [count, cols]. Order as in `read`.
  void read_rows(std::string_view name, int layer, int first, int count, std::span<float> to) const {
    auto const [w, from] = find(name, layer);
    if (first < 0 || count < 0 || count > w.rows - first)
      throw error(path(), "rows", "0 to " + std::to_string(w.rows), std::to_string(first + count));
    if (to.size() != std::size_t(count) * std::size_t(w.cols))
      throw error(path(), "size of a buffer", std::to_string(std::size_t(count) * std::size_t(w.cols)),
                  std::to_string(to.size()));
    detail::read_rows(from, w, shape_.head_dim, first, count, to);
  }

  /// Where the weight lies, and in which form; of a tied head the embedding's.
  detail::stored const& stored(std::string_view name, int layer = 0) const { return find(name, layer).second; }

  void release(std::string_view name, int layer = 0) const override {
    auto const& from = find(name, layer).second;
    if (adapter_ && adapter_->weights().contains(name)) return;
    auto const let_go = [&](std::span<std::byte const> bytes) {
      std::visit([&](auto const& file) {
        if constexpr (requires { file.release(bytes); }) file.release(bytes);
        else file.file().release(bytes);
      }, file_);
    };
    let_go(from.bytes), let_go(from.scales);
    if (from.merged != nullptr)
      for (auto const part : from.merged->parts) let_go(part);
  }

 private:
  template <class File>
  checkpoint(hyperparameters const& shape, File&& file)
      : shape_(shape), infos_(weights_of(shape)), weights_(detail::locate(file, shape)), file_(std::move(file)) {
    for (auto const& w : infos_)
      if (auto const f = detail::formats_of(weights_.at(w.name)); !w.vector && f != dtype::f32) shape_.formats[w.name] = f;
  }

  static checkpoint open_folder(std::filesystem::path const& folder) {
    auto const at = [&](char const* name) { return (folder / name).string(); };
    auto const has = [&](char const* name) { return io::is_there(at(name)); };
    if (has("params.json") && !has("config.json")) {
      auto const object = io::read_json(io::mapped_file(at("params.json")));
      detail::config_reader const params(at("params.json"), object);
      auto files = io::consolidated::open_folder(folder.string(), std::uint64_t(detail::read_width(params)));
      auto const shape = detail::read_shape(params, files);
      return checkpoint(shape, std::move(files));
    }
    if (!has("model.safetensors") && !has("model.safetensors.index.json"))
      throw error(
          folder.string(), "not a checkpoint",
          "config.json with model.safetensors or model.safetensors.index.json, or params.json with consolidated.00.pth",
          has("pytorch_model.bin") || has("pytorch_model.bin.index.json")
              ? "pytorch_model.bin, which transformers can save as safetensors"
              : "neither");
    return checkpoint(io::safetensors::open_folder(folder.string()), at("config.json"));
  }

  /// The weight and where it lies; a tied head is the embedding.
  std::pair<weight_info const&, detail::stored const&> find(std::string_view name, int layer) const {
    if (shape_.tied && name == "head") name = "embed";
    auto const info = std::ranges::find(infos_, name, &weight_info::name);
    if (info == infos_.end()) {
      std::string known;
      for (auto const& w : infos_) known += (known.empty() ? "" : ", ") + w.name;
      throw error(path(), "no weight of this model", "one of " + known, name);
    }
    auto const& layers = weights_.find(name)->second;
    if (layer < 0 || std::size_t(layer) >= layers.size())
      throw error(path(), "layer", "0 to " + std::to_string(layers.size() - 1), std::to_string(layer));
    return {*info, layers[std::size_t(layer)]};
  }

  static std::vector<std::byte> blocks_of(detail::stored const& from) {
    std::vector<std::byte> out(bytes_of(dtype::q8_f32, from.bytes.size()));
    for (std::size_t i = 0; i < from.bytes.size(); i += 32) {
      auto* const block = out.data() + i / 32 * 36;
      std::memcpy(block, from.scales.data() + i / std::size_t(from.group) * 4, 4);
      std::memcpy(block + 4, from.bytes.data() + i, 32);
    }
    return out;
  }

  hyperparameters shape_;
  std::vector<weight_info> infos_;
  detail::stored_weights weights_;
  std::variant<io::gguf, io::safetensors, io::llama2c, io::consolidated> file_;
  std::optional<adapter> adapter_{};
};

}  // namespace cria::llama2
