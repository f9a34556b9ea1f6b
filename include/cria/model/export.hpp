#pragma once
// Writes a Llama as others read it: a folder in Hugging Face's layout, or a GGUF file for llama.cpp.
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
using weight_source = std::function<std::vector<float>(weight_name name, int layer)>;

/// The weights of an open checkpoint, in f32.
inline weight_source weights_of(checkpoint const& from) {
  return [&from](weight_name name, int layer) {
    auto const weight = from.read(name, layer);
    std::vector<float> values(std::size_t(weight.shape[0]) * std::size_t(weight.shape[1]));
    decode(weight.format, weight.bytes, values);
    from.release(name, layer);
    return values;
  };
}

namespace detail {

struct weight_place {
  weight_name name;
  int layer;
};

/// Every weight that a file of this shape holds.
inline std::vector<weight_place> places(hyperparameters const& h) {
  std::vector<weight_place> all;
  for (std::size_t i = 0; i < weight_names.size(); ++i) {
    auto const n = weight_name(i);
    if (n == weight_name::head && h.tied) continue;
    for (int layer = 0; layer < (once(n) ? 1 : h.layers); ++layer) all.push_back({n, layer});
  }
  return all;
}

/// A number that files keep as f32, with no more digits than that: 1e-05.
inline double short_number(double x) { return std::stod(fmt::format("{}", float(x))); }

}  // namespace detail

/// The ids that config.json names; -1: none.
struct special_ids {
  int bos = -1, eos = -1;
};

/// config.json for transformers 4 (rope_theta, torch_dtype) and 5 (rope_parameters, dtype). `format` is that of the
/// weights.
inline io::json hugging_face_config(hyperparameters const& h, dtype format, special_ids ids = {}) {
  auto const id = [](int n) { return n < 0 ? io::json() : io::json(n); };
  auto const theta = detail::short_number(h.rope_theta);
  auto const type = format == dtype::f32 ? "float32" : format == dtype::f16 ? "float16" : "bfloat16";
  return {{"architectures", {"LlamaForCausalLM"}},
          {"model_type", "llama"},
          {"hidden_act", "silu"},
          {"attention_bias", false},
          {"mlp_bias", false},
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
          {"rope_parameters", {{"rope_type", "default"}, {"rope_theta", theta}}},
          {"tie_word_embeddings", h.tied},
          {"bos_token_id", id(ids.bos)},
          {"eos_token_id", id(ids.eos)},
          {"torch_dtype", type},
          {"dtype", type}};
}

/// The order of the rows of wq and wk within a head: of pairs (2i, 2i+1), or of halves (i, i + head_dim/2).
enum class row_order { meta, hugging_face };

/// The values of a weight, or of something that there is for each of them, with its rows in `order` instead of the
/// other one.
inline std::vector<float> reordered(row_order order, hyperparameters const& h, weight_name name,
                                    std::vector<float> values) {
  auto const row = std::size_t(h.embed), width = std::size_t(h.head_dim);
  bool const rotated = name == weight_name::wq || name == weight_name::wk;
  if (!rotated || values.size() % (row * width) != 0) return values;  // a wrong number is refused where it is written
  std::vector<float> out(values.size());
  for (std::size_t r = 0; r < values.size() / row; ++r) {
    auto to = detail::hugging_face_row(r, width) * row, from = r * row;
    if (order == row_order::meta) std::swap(to, from);
    std::memcpy(&out[to], &values[from], row * sizeof(float));
  }
  return out;
}

/// model.safetensors in Hugging Face's names and order of rows, all in `format`: f32, f16 or bf16.
inline io::written write_safetensors(std::string path, hyperparameters const& h, dtype format,
                                     weight_source const& source) {
  detail::check(h, path);
  auto const places = detail::places(h);
  std::vector<io::safetensor_plan> plan;
  for (auto const& [name, layer] : places) {
    plan.push_back({detail::hugging_face_name(name, layer), format, detail::hugging_face_shape(h, name)});
  }
  return io::write_safetensors(std::move(path), plan, [&](std::size_t i) {
    auto const& [name, layer] = places[i];
    return reordered(row_order::hugging_face, h, name, source(name, layer));
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

/// Writes a GGUF of architecture llama: matrices in `format`, norms in f32, and f16 where a row is no whole number of
/// blocks. `file` may hold keys already, those of a tokenizer, without which llama.cpp reads no model.
inline io::written write_gguf(std::string path, io::gguf_writer file, hyperparameters const& h, dtype format,
                              weight_source const& source, std::string_view name = "llama") {
  detail::check(h, path);
  constexpr std::array<int, 6> file_types{0, 1, 32, 7, 2, 3};  // llama.cpp's, by dtype
  if (std::size_t(format) >= file_types.size()) io::ggml_number_of(format);
  auto const natural = [&](std::string_view key, int value) {
    file.whole(fmt::format("llama.{}", key), std::uint32_t(value));
  };
  file.text("general.architecture", "llama").text("general.type", "model").text("general.name", name);
  file.whole("general.file_type", std::uint32_t(file_types[std::size_t(format)]));
  if (facts(format).quantised()) file.whole("general.quantization_version", 2);
  natural("vocab_size", h.vocabulary), natural("context_length", h.context), natural("embedding_length", h.embed);
  natural("block_count", h.layers), natural("feed_forward_length", h.hidden);
  natural("attention.head_count", h.heads), natural("attention.head_count_kv", h.kv_heads);
  natural("attention.key_length", h.head_dim), natural("attention.value_length", h.head_dim);
  natural("rope.dimension_count", h.head_dim);
  file.number("llama.rope.freq_base", float(h.rope_theta));
  file.number("llama.attention.layer_norm_rms_epsilon", float(h.norm_eps));
  auto const places = detail::places(h);
  for (auto const& [weight, layer] : places) {
    auto const [rows, columns] = detail::shape_of(h, weight);
    std::vector<std::uint64_t> shape{std::uint64_t(columns), std::uint64_t(rows)};
    bool const norm = detail::is_norm(weight), blocks = columns % facts(format).block == 0;
    if (norm) shape.pop_back();
    file.tensor(detail::gguf_name(weight, layer), shape, norm ? dtype::f32 : blocks ? format : dtype::f16);
  }
  return file.write(std::move(path), [&](std::size_t i) { return source(places[i].name, places[i].layer); });
}

}  // namespace cria::llama2
