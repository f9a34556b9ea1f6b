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
#include "cria/model/hyperparameters.hpp"

namespace cria::llama2 {

/// The bytes of one weight, row after row, without alignment. shape is [out, in]; of a vector [1, values].
struct weight_values {
  weight_values(dtype f, std::array<int, 2> s, std::span<std::byte const> mapped) : format(f), shape(s), bytes(mapped) {}
  weight_values(dtype f, std::array<int, 2> s, std::vector<std::byte> made)
      : format(f), shape(s), owned(std::move(made)), bytes(owned) {}
  weight_values(weight_values&&) = default;  // moving a vector leaves its bytes where they are
  weight_values& operator=(weight_values&&) = default;

  dtype format;
  std::array<int, 2> shape;
  std::vector<std::byte> owned;      // empty where `bytes` lies in the file
  std::span<std::byte const> bytes;  // valid as long as the checkpoint and this weight
};

/// A checkpoint whose tensors have all been found, with the right shapes, in formats the library computes with.
class checkpoint {
 public:
  /// Opens GGUF, a llama2.c .bin (f32, or version 2 with int8 groups), or a folder in Hugging
  /// Face's layout (or the model.safetensors in it), told apart by content. Throws cria::error naming file, tensor,
  /// expected and found.
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
      : checkpoint(read_config(io::mapped_file(config)), std::move(file)) {}
  checkpoint(io::safetensors file, io::mapped_file const& config) : checkpoint(read_config(config), std::move(file)) {}

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

  hyperparameters const& shape() const { return shape_; }
  std::string const& path() const { return mapped().path(); }

  /// "GGUF", "safetensors" or "llama2.c".
  std::string_view format_name() const {
    constexpr std::string_view names[]{"GGUF", "safetensors", "llama2.c"};
    return names[file_.index()];
  }

  /// The metadata (tokenizer, chat template), where the file is a GGUF; else null.
  io::gguf const* gguf() const { return std::get_if<io::gguf>(&file_); }

  /// The weights and their shapes; of a tied model without the head.
  std::vector<weight_info> const& weights() const { return infos_; }

  /// The weight in format shape().format_of(name), vectors f32; rows of wq and wk in Meta's order (rotary pairs 2i, 2i+1).
  /// `layer` is 0 for weights that exist once; a tied head is the embedding.
  weight_values read(std::string_view name, int layer = 0) const {
    auto const [w, from] = find(name, layer);
    auto const to = shape_.format_of(name);
    std::array const shape{w.rows, w.cols};
    if (from.format == to && from.is_plain()) return {to, shape, from.bytes};
    if (to == dtype::q8_f32) return {to, shape, blocks_of(from)};
    auto const columns = std::size_t(w.cols), rows = std::size_t(w.rows), row = bytes_of(to, columns);
    std::vector<std::byte> out(rows * row);
    if (from.format == to && facts(to).quantised()) {  // whole rows in another order
      for (std::size_t r = 0; r < rows; ++r)
        std::memcpy(out.data() + r * row, from.bytes.data() + detail::halves_row(r, head_dim()) * row, row);
      return {to, shape, std::move(out)};
    }
    constexpr int at_once = 64;
    std::vector<float> values(columns * at_once);
    for (int r = 0; r < w.rows; r += at_once) {
      int const count = std::min(at_once, w.rows - r);
      auto const some = std::span(values).first(columns * std::size_t(count));
      read_rows(w, from, r, count, some);
      auto const encoded = encode(to, some);
      std::ranges::copy(encoded, out.begin() + std::ptrdiff_t(std::size_t(r) * row));
    }
    return {to, shape, std::move(out)};
  }

  /// `count` rows from `first` on, in f32: `to` has [count, cols]. Order as in `read`.
  void read_rows(std::string_view name, int layer, int first, int count, std::span<float> to) const {
    auto const [w, from] = find(name, layer);
    if (first < 0 || count < 0 || count > w.rows - first) throw error(path(), "rows", "0 to " + std::to_string(w.rows), std::to_string(first + count));
    if (to.size() != std::size_t(count) * std::size_t(w.cols)) throw error(path(), "size of a buffer", std::to_string(std::size_t(count) * std::size_t(w.cols)), std::to_string(to.size()));
    read_rows(w, from, first, count, to);
  }

  /// Lets go of the weight's mapped pages; reading it again brings them back.
  void release(std::string_view name, int layer = 0) const {
    auto const& from = find(name, layer).second;
    if (adapter_ && adapter_->weights().contains(name)) return;
    mapped().release(from.bytes), mapped().release(from.scales);
  }

 private:
  template <class File>
  checkpoint(hyperparameters const& shape, File&& file)
      : shape_(shape), infos_(weights_of(shape)), weights_(detail::locate(file, shape)), file_(std::move(file)) {
    for (auto const& w : infos_) {
      auto const& layers = weights_.at(w.name);
      bool const alike = std::ranges::all_of(layers, [&](auto const& s) { return s.format == layers[0].format; });
      if (alike && !w.vector && layers[0].format != dtype::f32) shape_.formats[w.name] = layers[0].format;
    }
  }

  static hyperparameters read_config(io::mapped_file const& config) {
    if (config.bytes().size() > 1 << 20)
      throw error(config.path(), "size", "at most 1 MiB", std::to_string(config.bytes().size()));
    auto const object = io::parse_json(config.path(), io::as_text(config.bytes()));
    return detail::read_shape(detail::config_reader(config.path(), object));
  }

  static checkpoint open_folder(std::filesystem::path const& folder) {
    auto const weights = folder / "model.safetensors";
    if (std::error_code ignored; !std::filesystem::exists(weights, ignored))
      throw error(folder.string(), "not a checkpoint", "a folder with config.json and model.safetensors (one file)",
                  std::filesystem::exists(folder / "model.safetensors.index.json", ignored) ? "several files of weights"
                                                                                            : "neither");
    return checkpoint(io::safetensors(io::mapped_file(weights.string())), (folder / "config.json").string());
  }

  io::mapped_file const& mapped() const {
    return std::visit([](auto const& file) -> io::mapped_file const& { return file.file(); }, file_);
  }

  std::size_t head_dim() const { return std::size_t(shape_.head_dim); }

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

  void read_rows(weight_info const& w, detail::stored const& from, int first, int count, std::span<float> to) const {
    if (w.vector && from.halves_paired) {  // the values of one row belong to pairs
      std::vector<float> row(to.size());
      auto as_stored = from;
      as_stored.halves_paired = false;
      detail::read_rows(as_stored, w.rows, w.cols, 0, first, count, row);
      for (std::size_t i = 0; i < row.size(); ++i) to[i] = row[detail::halves_row(i, head_dim())];
    } else {
      detail::read_rows(from, w.rows, w.cols, shape_.head_dim, first, count, to);
    }
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
  std::variant<io::gguf, io::safetensors, io::llama2c> file_;
  std::optional<adapter> adapter_{};
};

}  // namespace cria::llama2
