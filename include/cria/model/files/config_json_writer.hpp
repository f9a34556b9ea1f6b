#pragma once
// config.json, written for transformers 4 (rope_theta, torch_dtype) and 5 (rope_parameters, dtype).
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "cria/io/json.hpp"
#include "cria/model/files/config_json.hpp"

namespace cria::llama2 {

/// The ids that config.json names; -1: none.
struct special_ids {
  int bos = -1, eos = -1;
};

namespace detail {

/// A number that files keep as f32, with no more digits than that: 1e-05.
inline double short_number(double x) { return std::stod(fmt::format("{}", float(x))); }

/// Whose classes of transformers compute a model: Llama's know no window, Mistral's do.
inline architecture published_kind(hyperparameters const& h) {
  return h.kind == architecture::llama && h.window > 0 ? architecture::mistral : h.kind;
}

inline io::json gpt2_config(hyperparameters const& h) {
  return {{"architectures", {class_names[int(architecture::gpt2)]}},
          {"model_type", "gpt2"},
          {"activation_function", "gelu_new"},
          {"n_embd", h.embed},
          {"n_inner", h.hidden == 4 * h.embed ? io::json() : io::json(h.hidden)},
          {"n_layer", h.layers},
          {"n_head", h.heads},
          {"n_positions", h.context},
          {"vocab_size", h.vocabulary},
          {"layer_norm_epsilon", short_number(h.norm_eps)},
          {"tie_word_embeddings", h.tied}};
}

inline io::json llama_config(hyperparameters const& h) {
  auto const theta = short_number(h.rope.theta);
  auto const kind = published_kind(h);
  bool const gelu = h.feed_forward == feed_forward_form::geglu;
  io::json rope{{"rope_type", "default"}, {"rope_theta", theta}};
  if (h.rope.factor != 1) rope["rope_type"] = "linear";
  if (h.rope.original_context != 0) {
    rope["rope_type"] = "llama3", rope["low_freq_factor"] = h.rope.low, rope["high_freq_factor"] = h.rope.high;
    rope["original_max_position_embeddings"] = h.rope.original_context;
  }
  bool const scaled = rope["rope_type"] != "default";
  if (scaled) rope["factor"] = h.rope.factor;
  io::json config{{"architectures", {class_names[int(kind)]}},
                  {"model_type", name_of(kind)},
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
                  {"rms_norm_eps", short_number(h.norm_eps)},
                  {"rope_theta", theta},
                  {"rope_parameters", rope},
                  {"tie_word_embeddings", h.tied}};
  if (gelu) config["hidden_activation"] = "gelu_pytorch_tanh";
  if (scaled) config["rope_scaling"] = rope;
  if (kind == architecture::mistral || h.window > 0)
    config["sliding_window"] = h.window > 0 ? io::json(h.window) : io::json();
  if (kind != architecture::mistral && h.window > 0)
    config["use_sliding_window"] = true, config["max_window_layers"] = 0;
  return config;
}

/// Throws cria::error where config.json, read again, would mean another model than `h`.
inline void check_said(hyperparameters const& h, io::json const& config, std::string_view path) {
  auto const parsed = io::json::parse(config.dump());
  auto const again = read_shape(config_reader(std::string(path), parsed));
  auto const same = [&](std::string_view what, bool equal) {
    if (!equal)
      throw error(path, fmt::format("{} is not what a model of the kind {} can have", what, name_of(again.kind)));
  };
  auto const near = [](double a, double b) { return float(a) == float(b); };
  same("norm", again.norm == h.norm || (h.kind == architecture::gemma && h.norm == norm_form::rms));
  same("feed-forward part", again.feed_forward == h.feed_forward && again.feed_forward_bias == h.feed_forward_bias);
  same("biases of attention", again.qkv_bias == h.qkv_bias && again.wo_bias == h.wo_bias);
  // what transformers' classes have no place for, whatever config.json says
  same("biases of attention", again.kind != architecture::mistral || !h.qkv_bias);
  same("biases of the feed-forward part",
       again.kind == architecture::llama || again.kind == architecture::gpt2 || !h.feed_forward_bias);
  same("norms of queries and keys", again.qk_norm == h.qk_norm),
      same("table of positions", again.learned_positions == h.learned_positions);
  same("window", again.window == h.window),
      same("scale of the embedding", near(again.embedding_scale, h.embedding_scale));
  same("width of a head", again.head_dim == h.head_dim && again.kv_heads == h.kv_heads);
  same("rotation",
       h.learned_positions || (near(again.rope.theta, h.rope.theta) && near(again.rope.factor, h.rope.factor) &&
                               again.rope.original_context == h.rope.original_context));
}

}  // namespace detail

/// config.json. `format` is that of the weights. Throws cria::error for a model that transformers has no class for;
/// `path` names the file.
inline io::json hugging_face_config(hyperparameters const& h, dtype format, special_ids ids = {},
                                    std::string_view path = "config.json") {
  auto const id = [](int n) { return n < 0 ? io::json() : io::json(n); };
  auto const type = format == dtype::f32 ? "float32" : format == dtype::f16 ? "float16" : "bfloat16";
  auto config = h.kind == architecture::gpt2 ? detail::gpt2_config(h) : detail::llama_config(h);
  config.update({{"bos_token_id", id(ids.bos)}, {"eos_token_id", id(ids.eos)}, {"torch_dtype", type}, {"dtype", type}});
  detail::check_said(h, config, path);
  return config;
}

}  // namespace cria::llama2
