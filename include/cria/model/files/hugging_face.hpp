#pragma once
// A Llama as Hugging Face publishes it: config.json beside model.safetensors. Source: LlamaConfig and modeling_llama.py
// of transformers, versions 4 (rope_theta, rope_scaling, torch_dtype) and 5 (rope_parameters, dtype).
#include <array>
#include <set>
#include <string>
#include <string_view>

#include "cria/io/json.hpp"
#include "cria/io/safetensors.hpp"
#include "cria/model/files/stored.hpp"

namespace cria::llama2::detail {

/// Members of config.json, checked; null is as good as absent.
class config_reader {
 public:
  config_reader(std::string file, io::json const& object) : file_(std::move(file)), object_(object) {
    if (!object.is_object()) throw error(file_, "content", "a JSON object", object.type_name());
  }

  io::json const* find(char const* member) const {
    auto const found = object_.find(member);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  int whole(char const* member, int otherwise = -1) const {
    auto const* const value = find(member);
    if (value == nullptr && otherwise >= 0) return otherwise;
    if (value == nullptr) throw error(file_, fmt::format("missing member {}", member));
    if (!value->is_number_unsigned() || value->get<std::uint64_t>() > 1u << 30)
      refuse(member, "a whole number", *value);
    return value->get<int>();
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
  void only(char const* member, io::json const& supported) const {
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

/// The shape config.json gives; the head is tied where it says so. Throws cria::error for a missing or unfit member,
/// and for what the library cannot compute: another architecture or activation, biases, scaled rotary angles.
inline hyperparameters read_shape(config_reader const& config) {
  config.only("model_type", "llama"), config.only("hidden_act", "silu");
  config.only("attention_bias", false), config.only("mlp_bias", false), config.only("rope_scaling", nullptr);
  config.only("quantization_config", nullptr);
  hyperparameters h;
  h.embed = config.whole("hidden_size");
  h.layers = config.whole("num_hidden_layers");
  h.heads = config.whole("num_attention_heads");
  h.kv_heads = config.whole("num_key_value_heads", h.heads);
  if (h.heads > 0 && config.find("head_dim") == nullptr && h.embed % h.heads != 0)
    throw error(config.file(), "hidden_size", fmt::format("a multiple of {} heads", h.heads), std::to_string(h.embed));
  h.head_dim = config.whole("head_dim", h.heads > 0 ? h.embed / h.heads : 0);
  h.hidden = config.whole("intermediate_size");
  h.vocabulary = config.whole("vocab_size");
  h.context = config.whole("max_position_embeddings", 2048);
  h.norm_eps = config.number("rms_norm_eps", 1e-6);
  h.rope_theta = config.number("rope_theta", 1e4);
  if (auto const* const rope = config.find("rope_parameters")) {
    config_reader const parameters(config.file() + ": rope_parameters", *rope);
    parameters.only("rope_type", "default"), parameters.only("partial_rotary_factor", 1.0);
    h.rope_theta = parameters.number("rope_theta", h.rope_theta);
  }
  h.tied = config.boolean("tie_word_embeddings", false);
  check(h, config.file());
  return h;
}

inline std::string hugging_face_name(weight_name n, int layer) {
  constexpr std::array<std::string_view, weight_names.size()> names{"model.embed_tokens",
                                                                    "input_layernorm",
                                                                    "self_attn.q_proj",
                                                                    "self_attn.k_proj",
                                                                    "self_attn.v_proj",
                                                                    "self_attn.o_proj",
                                                                    "post_attention_layernorm",
                                                                    "mlp.gate_proj",
                                                                    "mlp.down_proj",
                                                                    "mlp.up_proj",
                                                                    "model.norm",
                                                                    "lm_head"};
  auto const name = names[std::size_t(n)];
  return once(n) ? fmt::format("{}.weight", name) : fmt::format("model.layers.{}.{}.weight", layer, name);
}

/// Slowest axis first; a norm has one axis.
inline std::vector<std::uint64_t> hugging_face_shape(hyperparameters const& h, weight_name n) {
  auto const [rows, columns] = shape_of(h, n);
  return is_norm(n) ? std::vector{std::uint64_t(columns)} : std::vector{std::uint64_t(rows), std::uint64_t(columns)};
}

/// Where row r of wq or wk is in Hugging Face's order: of a pair (2i, 2i+1), first all first parts of the head, then all
/// second.
constexpr std::size_t hugging_face_row(std::size_t r, std::size_t head_dim) {
  auto const i = r % head_dim;
  return r - i + i % 2 * (head_dim / 2) + i / 2;
}

/// Throws cria::error for a tensor that is missing, has another shape or a type the library cannot read, or is not part
/// of a Llama.
inline stored_weights locate(io::safetensors const& file, hyperparameters const& h) {
  stored_weights weights;
  std::set<std::string, std::less<>> used;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    auto const n = weight_name(i);
    auto const expected = hugging_face_shape(h, n);
    for (int layer = 0; layer < (once(n) ? 1 : h.layers); ++layer) {
      auto const name = hugging_face_name(n, layer);
      used.insert(name);  // a tied model's file may hold the embedding a second time as its head
      if (n == weight_name::head && h.tied) continue;
      auto const where = file.path() + ": " + name;
      auto const* const t = file.tensor(name);
      if (t == nullptr) throw error(where, "missing tensor");
      if (t->shape != expected) throw error(where, "shape", extents(expected), extents(t->shape));
      if (!t->format()) throw error(where, "type", "F32, F16 or BF16", t->type);
      bool const rotated = n == weight_name::wq || n == weight_name::wk;
      weights[i].push_back({*t->format(), t->bytes, {}, 0, rotated});
    }
  }
  for (auto const& t : file.tensors())  // old files carry the rotary frequencies, which follow from theta
    if (!used.contains(t.name) && !t.name.ends_with(".rotary_emb.inv_freq"))
      throw error(file.path() + ": " + io::printable(t.name), "tensor is not supported", "the weights of a Llama",
                  "another");
  return weights;
}

}  // namespace cria::llama2::detail
