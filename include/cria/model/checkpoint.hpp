#pragma once
// A Llama's weights in a file, whatever the file's format: the shape, and each weight in the library's layout.
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "cria/core/quantise.hpp"
#include "cria/io/mapped_file.hpp"
#include "cria/model/files/gguf.hpp"
#include "cria/model/files/hugging_face.hpp"
#include "cria/model/files/llama2c.hpp"
#include "cria/model/hyperparameters.hpp"

namespace cria::llama2 {

/// The bytes of one weight, row after row, without alignment. shape is [out, in]; of a norm [1, embed].
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
  /// Opens GGUF (architecture llama), a llama2.c .bin (f32, or version 2 with int8 groups), or a folder in Hugging
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

  hyperparameters const& shape() const { return shape_; }
  std::string const& path() const { return mapped().path(); }

  /// "GGUF", "safetensors" or "llama2.c".
  std::string_view format_name() const {
    constexpr std::string_view names[]{"GGUF", "safetensors", "llama2.c"};
    return names[file_.index()];
  }

  /// The metadata (tokenizer, chat template), where the file is a GGUF; else null.
  io::gguf const* gguf() const { return std::get_if<io::gguf>(&file_); }

  /// The weight in format shape().formats[name], of several in the one that the layer has: rows of wq and wk in Meta's order (rotary pairs 2i, 2i+1), norms f32.
  /// `layer` is 0 for embed, norm and head; a tied head is the embedding.
  weight_values read(weight_name name, int layer = 0) const {
    auto const& from = find(name, layer);
    auto const formats = shape_.formats[std::size_t(name)];
    auto const to = formats.mixed() ? from.format : formats.only();
    auto const shape = detail::shape_of(shape_, name);
    if (from.format == to && from.scales.empty() && !from.halves_paired) return {to, shape, from.bytes};
    if (!from.scales.empty()) return {to, shape, to == dtype::q8_f32 ? blocks_of(from) : values_of(from)};
    auto const columns = std::size_t(shape[1]), rows = std::size_t(shape[0]);
    std::size_t const stored_row = bytes_of(from.format, columns), row = bytes_of(to, columns);
    std::vector<std::byte> out(rows * row);
    std::vector<float> values(columns);
    for (std::size_t r = 0; r < rows; ++r) {
      auto const place = from.halves_paired ? detail::hugging_face_row(r, std::size_t(shape_.head_dim)) : r;
      auto const source = from.bytes.subspan(place * stored_row, stored_row);
      if (from.format == to) {
        std::memcpy(out.data() + r * row, source.data(), row);
      } else {  // to f32, which holds every value of the other formats
        decode(from.format, source, values);
        std::memcpy(out.data() + r * row, values.data(), row);
      }
    }
    return {to, shape, std::move(out)};
  }

  /// Lets go of the weight's mapped pages; reading it again brings them back.
  void release(weight_name name, int layer = 0) const {
    auto const& from = find(name, layer);
    mapped().release(from.bytes), mapped().release(from.scales);
  }

 private:
  template <class File>
  checkpoint(hyperparameters const& shape, File&& file)
      : shape_(shape), weights_(detail::locate(file, shape)), file_(std::move(file)) {
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      auto const& layers = weights_[i];
      shape_.formats[i] = layers.empty() || detail::is_norm(weight_name(i)) ? dtype::f32 : detail::formats_of(layers);
    }
    if (shape_.tied) shape_.formats[std::size_t(weight_name::head)] = shape_.formats[std::size_t(weight_name::embed)];
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

  detail::stored const& find(weight_name name, int layer) const {
    auto const& layers = weights_[std::size_t(name == weight_name::head && shape_.tied ? weight_name::embed : name)];
    if (layer < 0 || std::size_t(layer) >= layers.size())
      throw error(path(), "layer", "0 to " + std::to_string(layers.size() - 1), std::to_string(layer));
    return layers[std::size_t(layer)];
  }

  static std::vector<std::byte> values_of(detail::stored const& from) {
    std::vector<std::byte> out(from.bytes.size() * 4);
    for (std::size_t i = 0; i < from.bytes.size(); ++i) {
      float const scale = cria::detail::load_f32(from.scales.data() + i / std::size_t(from.group) * 4);
      cria::detail::store_f32(out.data() + i * 4, float(std::int8_t(from.bytes[i])) * scale);
    }
    return out;
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
  detail::stored_weights weights_;
  std::variant<io::gguf, io::safetensors, io::llama2c> file_;
};

}  // namespace cria::llama2
