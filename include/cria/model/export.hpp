#pragma once
// Writes a model as others read it: a folder in Hugging Face's layout, or a GGUF file for llama.cpp.
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/io/atomic_file.hpp"
#include "cria/io/gguf_writer.hpp"
#include "cria/io/named_file.hpp"
#include "cria/io/safetensors_writer.hpp"
#include "cria/model/files/config_json_writer.hpp"
#include "cria/model/files/tensor_layout.hpp"

namespace cria::llama2 {
namespace detail {

/// Throws cria::error for a model that cannot be written.
inline void check_written(hyperparameters const& h, std::string_view path) {
  check(h, path);
  if (h.adapter.rank > 0) throw error(path, "a model", "its adapter merged or without it", "an adapter apart");
}

/// Gemma's norms are w in Hugging Face's files, with a norm of its own, and 1 + w in GGUF: what is added on the way.
inline float added_to_norms(hyperparameters const& h, weight_info const& w, norm_form written) {
  bool const of_the_width = w.name.ends_with("norm") && w.cols == h.embed;
  return !of_the_width || h.norm == written ? 0.0f : written == norm_form::rms ? 1.0f : -1.0f;
}

}  // namespace detail

/// The tensors of model.safetensors in Hugging Face's names and order of rows, all in `format`.
inline std::vector<tensor_layout> hugging_face_layout(hyperparameters const& h, dtype format) {
  using namespace detail;
  bool const gpt2 = h.kind == architecture::gpt2;
  auto const norms = h.kind == architecture::gemma ? norm_form::rms_plus_one : h.norm;
  return layout_of(h, [&](weight_info const& w, int layer) {
    tensor_layout t{gpt2 ? gpt2_name(w.name, layer, "transformer.") : hugging_face_name(w.name, layer), format, {}};
    t.turned = gpt2 && !w.vector && !w.once;
    t.order = row_order::hugging_face, t.added = added_to_norms(h, w, norms);
    return t;
  });
}

/// model.safetensors in `format`: f32, f16 or bf16.
inline io::written write_safetensors(std::string path, hyperparameters const& h, dtype format,
                                     weight_source const& source, io::write_watch watch = {}) {
  detail::check_written(h, path);
  auto const tensors = hugging_face_layout(h, format);
  std::vector<io::safetensor_plan> plan;
  for (auto const& t : tensors) plan.push_back({t.name, t.format, t.shape});
  return io::write_safetensors(std::move(path), plan, detail::source_of(h, source, tensors), std::move(watch));
}

/// Makes `folder`, which must not be there: config.json, model.safetensors and `beside`. Whole or not at all.
inline void write_hugging_face(std::filesystem::path const& folder, hyperparameters const& h, dtype format,
                               weight_source const& source, special_ids ids = {},
                               std::vector<io::named_file> const& beside = {}, io::write_watch watch = {}) {
  io::atomic_folder made(folder);
  auto const at = [&](std::string_view name) { return (made.temporary() / name).string(); };
  detail::check_written(h, folder.string());
  io::write_file(at("config.json"),
                 hugging_face_config(h, format, ids, (folder / "config.json").string()).dump(2) + '\n');
  write_safetensors(at("model.safetensors"), h, format, source, std::move(watch));
  for (auto const& [name, content] : beside) io::write_file(at(name), content);
  made.commit();
}

/// The tensors of a GGUF: matrices in `format`, or f16 where a row is no whole number of blocks; vectors and tables of
/// positions, as llama.cpp has them, in f32.
inline std::vector<tensor_layout> gguf_layout(hyperparameters const& h, dtype format) {
  using namespace detail;
  auto const norms = h.kind == architecture::gpt2 ? norm_form::layer : norm_form::rms;
  return layout_of(h, [&](weight_info const& w, int layer) {
    bool const blocks = w.cols % facts(format).block == 0, f32 = w.vector || w.name == "position_embed";
    tensor_layout t{gguf_name(h, w.name, layer), f32 ? dtype::f32 : blocks ? format : dtype::f16, {}};
    t.order = gguf_rows_are_halved(h.kind) ? row_order::hugging_face : row_order::meta,
    t.added = added_to_norms(h, w, norms);
    return t;
  });
}

namespace detail {

/// Throws cria::error where llama.cpp's code of the architecture computes another model.
inline void check_architecture(hyperparameters const& h, std::string_view path) {
  auto const same = [&](std::string_view what, bool fits) {
    if (!fits)
      throw error(path, fmt::format("{} is not what a GGUF of the architecture {} can have", what, name_of(h.kind)));
  };
  bool const gpt2 = h.kind == architecture::gpt2, gemma = h.kind == architecture::gemma;
  same("norm", (h.norm == norm_form::layer) == gpt2 && (gemma || h.norm != norm_form::rms_plus_one));
  same("feed-forward part", h.feed_forward == (gpt2    ? feed_forward_form::gelu_mlp
                                               : gemma ? feed_forward_form::geglu
                                                       : feed_forward_form::swiglu));
  same("table of positions", h.learned_positions == gpt2),
      same("norms of queries and keys", h.qk_norm == (h.kind == architecture::qwen3));
}

inline void add_shape(io::gguf_writer& file, hyperparameters const& h) {
  auto const architecture_name = h.kind == architecture::mistral ? "llama" : name_of(h.kind);
  auto const key = [&](std::string_view rest) { return fmt::format("{}.{}", architecture_name, rest); };
  auto const natural = [&](std::string_view rest, int value) { file.whole(key(rest), std::uint32_t(value)); };
  natural("vocab_size", h.vocabulary), natural("context_length", h.context), natural("embedding_length", h.embed);
  natural("block_count", h.layers), natural("feed_forward_length", h.hidden);
  natural("attention.head_count", h.heads), natural("attention.head_count_kv", h.kv_heads);
  if (h.kind == architecture::gpt2) {
    file.number(key("attention.layer_norm_epsilon"), float(h.norm_eps));
    return;
  }
  natural("attention.key_length", h.head_dim), natural("attention.value_length", h.head_dim);
  natural("rope.dimension_count", h.head_dim);
  if (h.window > 0) natural("attention.sliding_window", h.window);
  file.number(key("rope.freq_base"), float(h.rope.theta));
  file.number(key("attention.layer_norm_rms_epsilon"), float(h.norm_eps));
  if (h.rope.factor != 1 && h.rope.original_context == 0)
    file.text(key("rope.scaling.type"), "linear").number(key("rope.scaling.factor"), float(h.rope.factor));
}

/// What the rule of Llama 3 divides each frequency by.
inline std::vector<float> rope_factors(hyperparameters const& h) {
  std::vector<float> factors;
  for (int d = 0; d < h.head_dim; d += 2)
    factors.push_back(float(frequency({h.rope.theta}, d, h.head_dim) / frequency(h.rope, d, h.head_dim)));
  return factors;
}

}  // namespace detail

/// Writes a GGUF of gguf_layout's tensors. `file` may hold keys already, those of a tokenizer, without which llama.cpp
/// reads no model.
inline io::written write_gguf(std::string path, io::gguf_writer file, hyperparameters const& h, dtype format,
                              weight_source const& source, std::string_view name = "", io::write_watch watch = {}) {
  detail::check_written(h, path), detail::check_architecture(h, path);
  constexpr std::array<int, 6> file_types{0, 1, 32, 7, 2, 3};  // llama.cpp's, by dtype
  if (std::size_t(format) >= file_types.size()) io::ggml_number_of(format);
  auto const kind = h.kind == architecture::mistral ? architecture::llama : h.kind;
  file.text("general.architecture", name_of(kind))
      .text("general.type", "model")
      .text("general.name", name.empty() ? name_of(h.kind) : name);
  file.whole("general.file_type", std::uint32_t(file_types[std::size_t(format)]));
  if (facts(format).quantised()) file.whole("general.quantization_version", 2);
  detail::add_shape(file, h);
  auto const tensors = gguf_layout(h, format);
  for (auto const& t : tensors) file.tensor(t.name, {t.shape.rbegin(), t.shape.rend()}, t.format);
  if (h.rope.original_context != 0) file.tensor("rope_freqs.weight", {std::uint64_t(h.head_dim / 2)}, dtype::f32);
  auto const weights = detail::source_of(h, source, tensors);
  return file.write(
      std::move(path),
      [&](std::size_t i, io::tensor_sink& to) {
        if (i < tensors.size()) return weights(i, to);
        to.values(detail::rope_factors(h));
      },
      std::move(watch));
}

}  // namespace cria::llama2
