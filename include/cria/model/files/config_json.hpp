#pragma once
// config.json of a model in Hugging Face's layout. Source: the configuration classes of transformers, versions 4 (rope_theta,
// rope_scaling, torch_dtype) and 5 (rope_parameters, dtype).
#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <string_view>

#include "cria/io/json.hpp"
#include "cria/model/files/reasons.hpp"
#include "cria/model/files/stored.hpp"

namespace cria::llama2::detail {

/// Members of config.json, checked; null is as good as absent, but for `says`.
class config_reader {
 public:
  config_reader(std::string file, io::json const& object) : file_(std::move(file)), object_(object) {
    if (!object.is_object()) throw error(file_, "content", "a JSON object", object.type_name());
  }

  io::json const* find(char const* member) const {
    auto const found = object_.find(member);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  bool says(char const* member) const { return object_.contains(member); }
  int whole(char const* member, int otherwise = -1) const {
    auto const* const value = find(member);
    if (value == nullptr && otherwise >= 0) return otherwise;
    if (value == nullptr) throw error(file_, fmt::format("missing member {}", member));
    constexpr std::uint64_t most = 1u << 30;
    if (!value->is_number_integer()) refuse(member, "a whole number", *value);
    if (!value->is_number_unsigned() || value->get<std::uint64_t>() > most)
      refuse(member, fmt::format("a whole number from 0 to {}", most), *value);
    return value->get<int>();
  }
  double number(char const* member) const {
    if (find(member) == nullptr) throw error(file_, fmt::format("missing member {}", member));
    return number(member, 0);
  }
  double number(char const* member, double otherwise) const {
    auto const* const value = find(member);
    if (value != nullptr && !value->is_number()) refuse(member, "a number", *value);
    return value == nullptr ? otherwise : value->get<double>();
  }
  bool boolean(char const* member, bool otherwise) const {
    auto const* const value = find(member);
    if (value != nullptr && !value->is_boolean()) refuse(member, "true or false", *value);
    return value == nullptr ? otherwise : value->get<bool>();
  }
  /// Throws when the member is there and not `supported`.
  void expect(char const* member, io::json const& supported) const {
    auto const* const value = find(member);
    if (value != nullptr && *value != supported)
      refuse(fmt::format("{} is not supported", member), supported.dump(), *value);
  }
  [[noreturn]] void refuse(std::string_view what, std::string_view expected, io::json const& found) const {
    throw error(file_, what, expected, io::printable(found.dump(-1, ' ', true, io::json::error_handler_t::replace)));
  }
  std::string const& file() const { return file_; }

 private:
  std::string file_;
  io::json const& object_;
};

/// The scaling of rotary angles: rope_scaling, or rope_parameters, which holds theta too. Throws for other kinds than
/// linear and llama3.
inline void read_rope(config_reader const& config, hyperparameters& h) {
  h.rope.theta = config.number("rope_theta", 1e4);
  for (char const* const member : {"rope_scaling", "rope_parameters"}) {
    auto const* const object = config.find(member);
    if (object == nullptr) continue;
    config_reader const r(config.file() + ": " + member, *object);
    h.rope.theta = r.number("rope_theta", h.rope.theta);
    r.expect("partial_rotary_factor", 1.0);
    auto const* const kind = r.find(r.find("rope_type") ? "rope_type" : "type");
    for (auto const& [name, value] : object->items())
      if (value.is_object()) r.refuse("rotations by kind of layer are not supported", "one for all layers", name);
    if (kind == nullptr && r.find("factor")) throw error(r.file(), "missing member rope_type");
    if (kind == nullptr || *kind == "default") continue;
    if (*kind != "linear" && *kind != "llama3") r.refuse("rope_type is not supported", "default, linear or llama3", *kind);
    h.rope.factor = r.number("factor");
    if (*kind == "linear") continue;
    h.rope.low = r.number("low_freq_factor"), h.rope.high = r.number("high_freq_factor");
    h.rope.original_context = r.whole("original_max_position_embeddings");
    if (h.rope.original_context < 1) throw error(r.file(), "original_max_position_embeddings", "1 or more", "0");
  }
}

/// GPT-2's members, with names of their own.
inline hyperparameters read_gpt2(config_reader const& config) {
  config.expect("scale_attn_weights", true), config.expect("scale_attn_by_inverse_layer_idx", false),
      config.expect("add_cross_attention", false);
  auto const* const activation = config.find("activation_function");
  if (activation != nullptr && *activation != "gelu_new" && *activation != "gelu_pytorch_tanh")
    config.refuse("activation_function is not supported", "gelu_new", *activation);
  hyperparameters h;
  h.embed = config.whole("n_embd"), h.layers = config.whole("n_layer"), h.heads = h.kv_heads = config.whole("n_head");
  h.head_dim = share_of_a_head(config.file(), "n_embd", h);
  h.hidden = config.find("n_inner") ? config.whole("n_inner") : 4 * std::min(h.embed, 1 << 24),
  h.vocabulary = config.whole("vocab_size"), h.context = config.whole("n_positions", 1024);
  h.norm_eps = config.number("layer_norm_epsilon", 1e-5);
  h.norm = norm_form::layer, h.feed_forward = feed_forward_form::gelu_mlp;
  h.learned_positions = h.qkv_bias = h.wo_bias = h.feed_forward_bias = true;
  h.tied = config.boolean("tie_word_embeddings", true);
  return h;
}

/// What a row attends to: `sliding_window` where it is in use in all layers and shorter than the context, else 0. null is
/// no window, and none said transformers' default. Throws cria::error where only some layers have it, by layer_types or, in
/// Qwen's models, by max_window_layers.
inline int read_window(config_reader const& config, hyperparameters const& h) {
  bool const mistral = h.kind == architecture::mistral, qwen = h.kind == architecture::qwen2 || h.kind == architecture::qwen3;
  bool const used = config.boolean("use_sliding_window", mistral);
  int const window = config.whole("sliding_window", (mistral || qwen) && !config.says("sliding_window") ? 4096 : 0);
  auto const* const types = config.find("layer_types");
  auto const all_are = [&](char const* type) {
    return types->is_array() && std::ranges::all_of(*types, [&](auto const& t) { return t == type; });
  };
  bool const full = types != nullptr && all_are("full_attention"), windows = types != nullptr && all_are("sliding_attention");
  if (types != nullptr && !full && !(windows && used))
    config.refuse("layer_types: attention of several kinds, as windows in some layers only, is not supported",
                  "full_attention in all layers", *types);
  if (!used || window == 0 || window >= h.context || (qwen && full)) return 0;
  if (mistral || (qwen && windows)) return window;
  int const first = config.whole("max_window_layers", qwen ? 28 : h.layers);  // with a window; transformers' default
  if (qwen && first >= h.layers) return 0;
  if (first != 0)
    throw error(config.file(), "use_sliding_window is not supported in some layers only", "max_window_layers 0",
                std::to_string(first));
  return window;
}

/// The activation of the gate; transformers' default where the file says none.
inline feed_forward_form read_activation(config_reader const& config, architecture kind) {
  auto const* const activation = config.find(config.find("hidden_activation") ? "hidden_activation" : "hidden_act");
  if (activation == nullptr) return kind == architecture::gemma ? feed_forward_form::geglu : feed_forward_form::swiglu;
  if (*activation == "silu" || *activation == "swish") return feed_forward_form::swiglu;
  // Gemma's first files say gelu, and mean the form by tanh, as transformers does.
  bool const tanh = *activation == "gelu_pytorch_tanh" || *activation == "gelu_new" ||
                    (kind == architecture::gemma && *activation == "gelu");
  if (!tanh) config.refuse("hidden_act is not supported", "silu or gelu_pytorch_tanh", *activation);
  return feed_forward_form::geglu;
}

/// transformers' classes, by architecture.
inline constexpr std::string_view class_names[]{"LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM",
                                                "Qwen3ForCausalLM", "GemmaForCausalLM",   "GPT2LMHeadModel"};

/// model_type, or where there is none what `architectures` names; Llama where a file says neither.
inline architecture read_kind(config_reader const& config) {
  auto const* const type = config.find("model_type");
  auto const* classes = config.find("architectures");
  if (type == nullptr && classes == nullptr) return architecture::llama;
  if (type == nullptr && classes->is_array() && classes->size() == 1) classes = &classes->front();
  std::span<std::string_view const> const names = type ? std::span(architecture_names) : std::span(class_names);
  auto const& value = type ? *type : *classes;
  auto const found = value.is_string() ? std::ranges::find(names, value.get<std::string>()) : names.end();
  if (found == names.end())
    config.refuse(type ? "model_type is not supported" : "architectures is not supported",
                  fmt::format("one of {}", fmt::join(names, ", ")), value);
  return architecture(found - names.begin());
}

/// Adds a reason for each part that the file has and the library doesn't.
inline void find_foreign(config_reader const& config, std::span<foreign_part const> parts, reasons& why) {
  for (auto const& [member, key, what] : parts) {
    auto const* const value = member.empty() ? nullptr : config.find(std::string(member).c_str());
    bool const number = value != nullptr && value->is_number();
    bool const is_one = number && *value == 1 && member.find("expert") == member.npos;
    bool const nothing = value == nullptr || *value == false || (number && value->get<double>() <= 0) || is_one;
    auto const said = fmt::format("{}: {}", member, what);
    if (!nothing) why.attempt([&, found = value] { config.refuse(said, "none", *found); });
  }
}

/// The shape config.json gives. Throws cria::error for a missing or unfit member, and, with all reasons, for what the
/// library cannot compute: another architecture, activation or rotation, windows in some layers only, quantised
/// weights.
inline hyperparameters read_shape(config_reader const& config) {
  reasons why(config.file());
  auto kind = architecture::llama;
  why.attempt([&] { kind = read_kind(config); });
  find_foreign(config, foreign_parts, why);
  hyperparameters h;
  if (kind == architecture::gpt2) {
    why.attempt([&] { h = read_gpt2(config); });
    why.check();
    h.kind = kind;
    check(h, config.file());
    return h;
  }
  h.kind = kind;
  why.attempt([&] {
    h.embed = config.whole("hidden_size");
    h.layers = config.whole("num_hidden_layers");
    h.heads = config.whole("num_attention_heads");
    h.kv_heads = config.whole("num_key_value_heads", h.heads);
    h.head_dim = config.find("head_dim") ? config.whole("head_dim") : share_of_a_head(config.file(), "hidden_size", h);
    h.hidden = config.whole("intermediate_size");
    h.vocabulary = config.whole("vocab_size");
    h.context = config.whole("max_position_embeddings", 2048);
    h.norm_eps = config.number("rms_norm_eps", 1e-6);
  });
  why.attempt([&] { read_rope(config, h); });
  why.attempt([&] { h.feed_forward = read_activation(config, kind); });
  why.attempt([&] { h.window = read_window(config, h); });
  why.attempt([&] {
    h.qkv_bias = config.boolean("attention_bias", kind == architecture::qwen2);
    h.feed_forward_bias = config.boolean("mlp_bias", false);
    h.tied = config.boolean("tie_word_embeddings", kind == architecture::gemma);
  });
  why.check();
  h.wo_bias = kind != architecture::qwen2 && h.qkv_bias;
  h.qk_norm = kind == architecture::qwen3;
  if (kind == architecture::gemma) h.norm = norm_form::rms_plus_one, h.embedding_scale = std::sqrt(double(h.embed));
  check(h, config.file());
  return h;
}
inline hyperparameters read_shape(io::mapped_file const& config) {
  auto const object = io::read_json(config);
  return read_shape(config_reader(config.path(), object));
}

}  // namespace cria::llama2::detail
