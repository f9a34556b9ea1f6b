#pragma once
// A model in a GGUF file. Source: llama.cpp's names of keys and tensors for the architectures llama, qwen2, qwen3,
// gemma and gpt2.
#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <string_view>

#include "cria/io/gguf.hpp"
#include "cria/model/files/hugging_face.hpp"
#include "cria/model/files/reasons.hpp"

namespace cria::llama2::detail {

inline constexpr published_name gguf_names[]{{"embed", "token_embd"},
                                             {"position_embed", "position_embd"},
                                             {"attention_norm", "attn_norm"},
                                             {"wq", "attn_q"},
                                             {"wk", "attn_k"},
                                             {"wv", "attn_v"},
                                             {"wo", "attn_output"},
                                             {"q_norm", "attn_q_norm"},
                                             {"k_norm", "attn_k_norm"},
                                             {"ffn_norm", "ffn_norm"},
                                             {"w1", "ffn_gate"},
                                             {"w2", "ffn_down"},
                                             {"w3", "ffn_up"},
                                             {"norm", "output_norm"},
                                             {"head", "output"}};

/// Where there is no gate, the first matrix is called ffn_up, and GPT-2's q, k and v are one.
inline std::string gguf_name(hyperparameters const& h, std::string_view name, int layer) {
  auto const prefix = exists_once(name) ? "" : fmt::format("blk.{}.", layer);
  bool const bias = name.ends_with(".bias");
  if (h.feed_forward == feed_forward_form::gelu_mlp && name.starts_with("w1"))
    return published(gguf_names, bias ? "w3.bias" : "w3", prefix);
  if (h.kind == architecture::gpt2 && (name.starts_with("wq") || name.starts_with("wk") || name.starts_with("wv")))
    return fmt::format("{}attn_qkv.{}", prefix, bias ? "bias" : "weight");
  return published(gguf_names, name, prefix);
}

/// What llama.cpp does with an architecture's weights, and Hugging Face doesn't: Llama's rows lie in Meta's order,
/// Gemma's norms as 1 + w.
inline bool gguf_rows_are_halved(architecture a) { return a != architecture::llama && a != architecture::mistral; }

class gguf_keys {
 public:
  gguf_keys(io::gguf const& file, std::string_view architecture) : file_(file), prefix_(std::string(architecture) + ".") {}
  std::string key(std::string_view name) const { return prefix_ + std::string(name); }
  std::optional<std::int64_t> optional(std::string_view name) const { return file_.integer(key(name), 0, 1 << 24); }
  int required(std::string_view name) const {
    if (auto const value = optional(name)) return int(*value);
    throw error(file_.path(), fmt::format("missing key {}", key(name)));
  }
  void expect(std::string_view name, int supported) const {
    if (auto const value = optional(name); value && *value != supported)
      throw error(file_.path(), fmt::format("{} is not supported", key(name)), std::to_string(supported), std::to_string(*value));
  }
  double number(std::string_view name) const {
    if (auto const value = file_.number(key(name))) return *value;
    throw error(file_.path(), fmt::format("missing key {}", key(name)));
  }
  std::string const& prefix() const { return prefix_; }

 private:
  io::gguf const& file_;
  std::string prefix_;
};

/// rope_freqs.weight holds what Llama 3's rule divides each frequency by. Of the rule's numbers, which the file doesn't
/// have, low and high are 1 and 4 in every published model, the factor is the largest value, and the original context
/// follows from one between; throws cria::error where that doesn't give the tensor.
inline void read_rope_factors(io::gguf const& file, hyperparameters& h) {
  auto const* const t = file.tensor("rope_freqs.weight");
  if (t == nullptr) return;
  auto const where = file.path() + ": rope_freqs.weight";
  if (t->type.format != dtype::f32 || t->shape != std::vector{std::uint64_t(h.head_dim / 2)})
    throw error(where, "shape and type", fmt::format("[{}] F32", h.head_dim / 2), extents(t->shape) + " " + t->type.name);
  std::vector<float> factors(std::size_t(h.head_dim / 2));
  decode(dtype::f32, t->bytes, factors);
  h.rope.factor = *std::ranges::max_element(factors);
  h.rope.low = 1, h.rope.high = 4, h.rope.original_context = 8192;
  check(h, file.path());
  rotation const plain{h.rope.theta};
  for (int i = 0; i < h.head_dim / 2; ++i)
    if (double const f = factors[std::size_t(i)], most = h.rope.factor; f > 1.001 && f < 0.999 * most) {
      double const share = (1 / f - 1 / most) / (1 - 1 / most),
                   context = (1 + 3 * share) * 6.28318530717958647692 / frequency(plain, 2 * i, h.head_dim);
      h.rope.original_context = int(std::clamp(std::round(context), 1.0, 1e9));
      break;
    }
  for (int i = 0; i < h.head_dim / 2; ++i) {
    double const factor = frequency(plain, 2 * i, h.head_dim) / frequency(h.rope, 2 * i, h.head_dim);
    if (!(std::abs(factor - double(factors[std::size_t(i)])) < 1e-4 * factor))
      throw error(where, fmt::format("value {} is not supported", i), fmt::format("{}, by the rule of Llama 3", factor),
                  fmt::format("{}", factors[std::size_t(i)]));
  }
}

inline void read_rope(io::gguf const& file, gguf_keys const& keys, hyperparameters& h) {
  h.rope.theta = file.number(keys.key("rope.freq_base")).value_or(1e4);
  auto const scaling = file.text(keys.key("rope.scaling.type"));
  for (auto const key : file.keys()) {
    if (!key.starts_with(keys.key("rope.scal")) || key == keys.key("rope.scaling.type")) continue;
    bool const factor = key == keys.key("rope.scaling.factor"), ignored = scaling == "none";
    if (!ignored && !(factor && scaling == "linear"))
      throw error(file.path(), fmt::format("{} is not supported", io::printable(key)),
                  "unscaled or linearly scaled rotary angles", io::describe(*file.find(key)));
  }
  if (scaling == "linear") h.rope.factor = keys.number("rope.scaling.factor");
  else if (scaling && scaling != "none")
    throw error(file.path(), fmt::format("{} is not supported", keys.key("rope.scaling.type")), "none or linear",
                io::printable(*scaling));
  read_rope_factors(file, h);
}

/// What the library has no words for: other architectures, and parts of them.
inline void find_foreign(io::gguf const& file, std::string_view architecture_name, reasons& why) {
  if (std::ranges::find(architecture_names, architecture_name) == std::end(architecture_names))
    why.attempt([&] {
      throw error(file.path(), "general.architecture", fmt::format("one of {}", fmt::join(architecture_names, ", ")),
                  architecture_name.empty() ? "nothing" : io::printable(architecture_name));
    });
  for (auto const& [member, key, what] : foreign_parts) {
    auto const name = fmt::format("{}.{}", architecture_name, key);
    auto const* const value = key.empty() || (architecture_name == "gpt2" && key == "attention.layer_norm_epsilon")
                                  ? nullptr
                                  : file.find(name);
    auto const is_zero = []<class T>(T const& v) {
      if constexpr (std::is_arithmetic_v<T>) return v == T{};
      else return false;
    };
    if (value == nullptr || std::visit(is_zero, *value)) continue;
    why.add(fmt::format("{}: {} (expected none, found {})", io::printable(name), what, io::describe(*value)));
  }
}

/// Throws cria::error for one of several files that are a model together. Only the first knows what model that is.
inline void refuse_part(io::gguf const& file) {
  constexpr int most = 65535;
  auto const parts = file.integer("split.count", 0, most).value_or(0);
  if (parts > 1)
    throw error(file.path(), fmt::format("is part {} of {} of a GGUF; merge the parts with llama-gguf-split --merge",
                                         file.integer("split.no", 0, most).value_or(0) + 1, parts));
}

/// The shape the metadata gives. Throws cria::error for a missing key, and, with all reasons, for what the library
/// cannot compute, which would otherwise give wrong numbers: another architecture for one.
inline hyperparameters read_shape(io::gguf const& file) {
  refuse_part(file);
  auto const architecture_name = file.text("general.architecture");
  reasons why(file.path());
  find_foreign(file, architecture_name.value_or(""), why);
  auto const known = std::ranges::find(architecture_names, architecture_name.value_or(""));
  if (known == std::end(architecture_names)) why.check();
  gguf_keys const keys(file, *known);
  hyperparameters h;
  h.kind = architecture(known - architecture_names);
  h.embed = keys.required("embedding_length");
  h.layers = keys.required("block_count");
  h.heads = keys.required("attention.head_count");
  h.kv_heads = int(keys.optional("attention.head_count_kv").value_or(h.heads));
  h.hidden = keys.required("feed_forward_length");
  h.context = keys.required("context_length");
  auto const head_dim = keys.optional("attention.key_length");
  h.head_dim = head_dim ? int(*head_dim) : share_of_a_head(file.path(), keys.key("embedding_length"), h);
  keys.expect("attention.value_length", h.head_dim), keys.expect("rope.dimension_count", h.head_dim);
  h.window = int(keys.optional("attention.sliding_window").value_or(0));
  if (h.window >= h.context) h.window = 0;
  bool const gpt2 = h.kind == architecture::gpt2;
  h.norm_eps = keys.number(gpt2 ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon");
  auto const* const embedding = file.tensor("token_embd.weight");
  if (embedding == nullptr) throw error(file.path(), "missing tensor token_embd.weight");
  h.vocabulary = embedding->shape.size() == 2 ? int(std::min<std::uint64_t>(embedding->shape[1], 1u << 30)) : 0;
  auto const has = [&](char const* tensor) { return file.tensor(tensor) != nullptr; };
  h.tied = !has("output.weight");
  h.qkv_bias = gpt2 || has("blk.0.attn_q.bias"), h.wo_bias = has("blk.0.attn_output.bias");
  h.feed_forward_bias = has("blk.0.ffn_down.bias");
  h.qk_norm = has("blk.0.attn_q_norm.weight");
  if (gpt2) h.learned_positions = true, h.norm = norm_form::layer, h.feed_forward = feed_forward_form::gelu_mlp;
  if (h.kind == architecture::gemma) h.embedding_scale = std::sqrt(double(h.embed)), h.feed_forward = feed_forward_form::geglu;
  if (!gpt2) why.attempt([&] { read_rope(file, keys, h); });
  why.check();
  check(h, file.path());
  return h;
}

/// Throws cria::error for a tensor that is missing, has another shape or a type the library cannot read, or is not part
/// of the model.
inline stored_weights locate(io::gguf const& file, hyperparameters const& h) {
  auto const& parts = joined_in_gpt2;
  stored_weights weights;
  std::set<std::string, std::less<>> used{"rope_freqs.weight"};
  for (auto const& [w, layer] : places_of(h)) {
    auto const name = gguf_name(h, w.name, layer);
    auto const where = file.path() + ": " + name;
    auto const* const t = file.tensor(name);
    if (t == nullptr) throw error(where, "missing tensor");
    auto expected = extents_of(w);
    auto const part =
        h.kind == architecture::gpt2 ? std::ranges::find(parts, std::string_view(w.name).substr(0, 2)) : parts.end();
    if (part != parts.end()) expected[0] *= 3;
    std::ranges::reverse(expected);
    if (t->shape != expected) throw error(where, "shape, fastest axis first", extents(expected), extents(t->shape));
    if (!t->type.format)
      throw error(where, "type", "F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K or Q6_K", t->type.name);
    auto bytes = t->bytes;
    if (part != parts.end()) bytes = bytes.subspan(bytes.size() / 3 * std::size_t(part - parts.begin()), bytes.size() / 3);
    weights[w.name].push_back({*t->type.format, bytes, {}, 0, w.rotated && gguf_rows_are_halved(h.kind)});
    used.insert(name);
  }
  refuse_others(file.path(), file.tensors(), [&](std::string_view name) { return used.contains(name); },
                "the weights of the model that the metadata describes");
  return weights;
}

}  // namespace cria::llama2::detail
