#pragma once
// Writes a model as others read it: a folder in Hugging Face's layout, or a GGUF file for llama.cpp.
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/io/atomic_file.hpp"
#include "cria/io/gguf_writer.hpp"
#include "cria/io/json.hpp"
#include "cria/io/named_file.hpp"
#include "cria/io/safetensors_writer.hpp"
#include "cria/model/checkpoint.hpp"

namespace cria::llama2 {

/// The f32 values of a weight, row after row, rows of wq and wk in Meta's order. Called once for each weight and layer;
/// not for the head of a tied model.
using weight_source = std::function<std::vector<float>(std::string_view name, int layer)>;

/// The weights of an open checkpoint, in f32.
inline weight_source weights_of(checkpoint const& from) {
  return [&from](std::string_view name, int layer) {
    auto const weight = from.read(name, layer);
    std::vector<float> values(std::size_t(weight.shape[0]) * std::size_t(weight.shape[1]));
    decode(weight.format, weight.bytes, values);
    from.release(name, layer);
    return values;
  };
}

namespace detail {

/// A number that files keep as f32, with no more digits than that: 1e-05.
inline double short_number(double x) { return std::stod(fmt::format("{}", float(x))); }

/// Throws cria::error for a model whose layout is not written.
inline void check_written(hyperparameters const& h, std::string_view path) {
  check(h, path);
  if (h.kind == architecture::gpt2) throw error(path, "architecture", "one with the layout of Llama", name_of(h.kind));
  if (h.adapter.rank > 0) throw error(path, "a model", "its adapter merged or without it", "an adapter apart");
}

/// Gemma's norms are w in Hugging Face's files, with a norm of its own, and 1 + w in GGUF: what is added on the way.
inline float added_to_norms(hyperparameters const& h, norm_form written) {
  return h.norm == written ? 0.0f : written == norm_form::rms ? 1.0f : -1.0f;
}

}  // namespace detail

/// The ids that config.json names; -1: none.
struct special_ids {
  int bos = -1, eos = -1;
};

/// config.json for transformers 4 (rope_theta, torch_dtype) and 5 (rope_parameters, dtype). `format` is that of the
/// weights.
inline io::json hugging_face_config(hyperparameters const& h, dtype format, special_ids ids = {}) {
  constexpr std::string_view classes[]{"Llama", "Mistral", "Qwen2", "Qwen3", "Gemma", "GPT2"};
  auto const id = [](int n) { return n < 0 ? io::json() : io::json(n); };
  auto const theta = detail::short_number(h.rope.theta);
  auto const type = format == dtype::f32 ? "float32" : format == dtype::f16 ? "float16" : "bfloat16";
  bool const gelu = h.feed_forward == feed_forward_form::geglu;
  io::json rope{{"rope_type", "default"}, {"rope_theta", theta}};
  if (h.rope.factor != 1) rope["rope_type"] = "linear", rope["factor"] = h.rope.factor;
  if (h.rope.original_context != 0) {
    rope["rope_type"] = "llama3", rope["low_freq_factor"] = h.rope.low, rope["high_freq_factor"] = h.rope.high;
    rope["original_max_position_embeddings"] = h.rope.original_context;
  }
  io::json config{{"architectures", {fmt::format("{}ForCausalLM", classes[int(h.kind)])}},
                  {"model_type", name_of(h.kind)},
                  {"hidden_act", gelu ? "gelu_pytorch_tanh" : "silu"},
                  {"attention_bias", h.qkv_bias},
                  {"mlp_bias", h.feed_forward_bias},
                  {"attention_dropout", 0.0},
                  {"hidden_size", h.embed},
                  {"intermediate_size", h.hidden},
                  {"num_hidden_layers", h.layers},
                  {"num_attention_heads", h.heads},
                  {"num_key_value_heads", h.kv_heads},
                  {"head_dim", h.head_dim},
                  {"vocab_size", h.vocabulary},
                  {"max_position_embeddings", h.context},
                  {"rms_norm_eps", detail::short_number(h.norm_eps)},
                  {"rope_theta", theta},
                  {"rope_parameters", rope},
                  {"tie_word_embeddings", h.tied},
                  {"bos_token_id", id(ids.bos)},
                  {"eos_token_id", id(ids.eos)},
                  {"torch_dtype", type},
                  {"dtype", type}};
  if (gelu) config["hidden_activation"] = "gelu_pytorch_tanh";
  if (h.rope.factor != 1) config["rope_scaling"] = rope;
  if (h.kind == architecture::mistral || h.window > 0) config["sliding_window"] = h.window > 0 ? io::json(h.window) : io::json();
  if (h.kind != architecture::mistral && h.window > 0) config["use_sliding_window"] = true, config["max_window_layers"] = 0;
  return config;
}

/// The order of the rows of wq and wk within a head: of pairs (2i, 2i+1), or of halves (i, i + head_dim/2).
enum class row_order { meta, hugging_face };

/// The values of a weight, or of something that there is for each of them, with its rows in `order` instead of the
/// other one; a vector's values are its rows.
inline std::vector<float> reordered(row_order order, hyperparameters const& h, weight_info const& w, std::vector<float> values) {
  auto const row = w.vector ? 1 : std::size_t(w.cols), width = std::size_t(h.head_dim);
  if (!w.rotated || values.size() % (row * width) != 0) return values;  // a wrong number is refused where it is written
  std::vector<float> out(values.size());
  for (std::size_t r = 0; r < values.size() / row; ++r) {
    auto to = detail::halves_row(r, width) * row, from = r * row;
    if (order == row_order::meta) std::swap(to, from);
    std::memcpy(&out[to], &values[from], row * sizeof(float));
  }
  return out;
}

namespace detail {

/// A weight as a layout has it: rows in `order`, norms of the form `norms`.
inline std::vector<float> laid_out(row_order order, norm_form norms, hyperparameters const& h, weight_info const& w, std::vector<float> values) {
  if (w.name.ends_with("norm") && w.cols == h.embed)
    for (float& x : values) x += added_to_norms(h, norms);
  return order == row_order::meta ? values : reordered(order, h, w, std::move(values));
}

}  // namespace detail

/// model.safetensors in Hugging Face's names and order of rows, all in `format`: f32, f16 or bf16.
inline io::written write_safetensors(std::string path, hyperparameters const& h, dtype format,
                                     weight_source const& source) {
  detail::check_written(h, path);
  auto const places = places_of(h);
  std::vector<io::safetensor_plan> plan;
  for (auto const& [w, layer] : places) plan.push_back({detail::hugging_face_name(w.name, layer), format, detail::extents_of(w)});
  auto const norms = h.kind == architecture::gemma ? norm_form::rms_plus_one : norm_form::rms;
  return io::write_safetensors(std::move(path), plan, [&](std::size_t i) {
    auto const& [w, layer] = places[i];
    return detail::laid_out(row_order::hugging_face, norms, h, w, source(w.name, layer));
  });
}

/// Makes `folder`, which must not be there: config.json, model.safetensors and `beside`. Whole or not at all.
inline void write_hugging_face(std::filesystem::path const& folder, hyperparameters const& h, dtype format,
                               weight_source const& source, special_ids ids = {},
                               std::vector<io::named_file> const& beside = {}) {
  io::atomic_folder made(folder);
  auto const at = [&](std::string_view name) { return (made.temporary() / name).string(); };
  io::write_file(at("config.json"), hugging_face_config(h, format, ids).dump(2) + '\n');
  write_safetensors(at("model.safetensors"), h, format, source);
  for (auto const& [name, content] : beside) io::write_file(at(name), content);
  made.commit();
}

/// Writes a GGUF: matrices in `format`, vectors in f32, and f16 where a row is no whole number of blocks. `file` may hold keys already,
/// those of a tokenizer, without which llama.cpp reads no model.
inline io::written write_gguf(std::string path, io::gguf_writer file, hyperparameters const& h, dtype format,
                              weight_source const& source, std::string_view name = "") {
  detail::check_written(h, path);
  constexpr std::array<int, 6> file_types{0, 1, 32, 7, 2, 3};  // llama.cpp's, by dtype
  if (std::size_t(format) >= file_types.size()) io::ggml_number_of(format);
  auto const architecture_name = h.kind == architecture::mistral ? "llama" : name_of(h.kind);
  auto const key = [&](std::string_view rest) { return fmt::format("{}.{}", architecture_name, rest); };
  auto const natural = [&](std::string_view rest, int value) { file.whole(key(rest), std::uint32_t(value)); };
  file.text("general.architecture", architecture_name).text("general.type", "model").text("general.name", name.empty() ? name_of(h.kind) : name);
  file.whole("general.file_type", std::uint32_t(file_types[std::size_t(format)]));
  if (facts(format).quantised()) file.whole("general.quantization_version", 2);
  natural("vocab_size", h.vocabulary), natural("context_length", h.context), natural("embedding_length", h.embed);
  natural("block_count", h.layers), natural("feed_forward_length", h.hidden);
  natural("attention.head_count", h.heads), natural("attention.head_count_kv", h.kv_heads);
  natural("attention.key_length", h.head_dim), natural("attention.value_length", h.head_dim);
  natural("rope.dimension_count", h.head_dim);
  if (h.window > 0) natural("attention.sliding_window", h.window);
  file.number(key("rope.freq_base"), float(h.rope.theta));
  file.number(key("attention.layer_norm_rms_epsilon"), float(h.norm_eps));
  if (h.rope.factor != 1 && h.rope.original_context == 0)
    file.text(key("rope.scaling.type"), "linear").number(key("rope.scaling.factor"), float(h.rope.factor));
  auto const places = places_of(h);
  for (auto const& [w, layer] : places) {
    auto shape = detail::extents_of(w);
    std::ranges::reverse(shape);
    bool const blocks = w.cols % facts(format).block == 0;
    file.tensor(detail::gguf_name(h, w.name, layer), shape, w.vector ? dtype::f32 : blocks ? format : dtype::f16);
  }
  bool const scaled = h.rope.original_context != 0;
  if (scaled) file.tensor("rope_freqs.weight", {std::uint64_t(h.head_dim / 2)}, dtype::f32);
  auto const order = detail::gguf_rows_are_halved(h.kind) ? row_order::hugging_face : row_order::meta;
  return file.write(std::move(path), [&](std::size_t i) {
    if (i < places.size()) return detail::laid_out(order, norm_form::rms, h, places[i].weight, source(places[i].weight.name, places[i].layer));
    std::vector<float> factors;
    for (int d = 0; d < h.head_dim; d += 2) factors.push_back(float(frequency({h.rope.theta}, d, h.head_dim) / frequency(h.rope, d, h.head_dim)));
    return factors;
  });
}

}  // namespace cria::llama2
