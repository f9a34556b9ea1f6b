#pragma once
// A Llama in a GGUF file. Source: llama.cpp's names of keys and tensors for the architecture "llama".
#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>

#include "cria/io/gguf.hpp"
#include "cria/model/files/stored.hpp"

namespace cria::llama2::detail {

inline std::string gguf_name(weight_name n, int layer) {
  constexpr std::array<std::string_view, weight_names.size()> names{
      "token_embd", "attn_norm", "attn_q",   "attn_k", "attn_v",      "attn_output",
      "ffn_norm",   "ffn_gate",  "ffn_down", "ffn_up", "output_norm", "output"};
  auto const name = names[std::size_t(n)];
  return once(n) ? fmt::format("{}.weight", name) : fmt::format("blk.{}.{}.weight", layer, name);
}

/// The shape the metadata gives. Throws cria::error for another architecture, a missing key, and what the library
/// cannot compute (scaled rotary angles, experts), which would otherwise give wrong numbers.
inline hyperparameters read_shape(io::gguf const& file) {
  auto const architecture = file.text("general.architecture");
  if (architecture != "llama")
    throw error(file.path(), "general.architecture", "llama", architecture ? io::printable(*architecture) : "nothing");
  auto const optional = [&](std::string_view key) { return file.integer(fmt::format("llama.{}", key), 0, 1 << 24); };
  auto const required = [&](std::string_view key) {
    if (auto const value = optional(key)) return int(*value);
    throw error(file.path(), fmt::format("missing key llama.{}", key));
  };
  auto const only = [&](std::string_view key, int supported) {
    if (auto const value = optional(key); value && *value != supported)
      throw error(file.path(), fmt::format("llama.{} is not supported", key), std::to_string(supported),
                  std::to_string(*value));
  };
  hyperparameters h;
  h.embed = required("embedding_length");
  h.layers = required("block_count");
  h.heads = required("attention.head_count");
  h.kv_heads = int(optional("attention.head_count_kv").value_or(h.heads));
  h.hidden = required("feed_forward_length");
  h.context = required("context_length");
  if (h.heads > 0 && !optional("attention.key_length") && h.embed % h.heads != 0)
    throw error(file.path(), "llama.embedding_length", fmt::format("a multiple of {} heads", h.heads),
                std::to_string(h.embed));
  h.head_dim = int(optional("attention.key_length").value_or(h.embed / std::max(h.heads, 1)));
  only("attention.value_length", h.head_dim), only("rope.dimension_count", h.head_dim), only("expert_count", 0),
      only("attention.sliding_window", 0);
  for (auto const key : file.keys())
    if (key.starts_with("llama.rope.scal") && !(key == "llama.rope.scaling.type" && file.text(key) == "none"))
      throw error(file.path(), fmt::format("{} is not supported yet", io::printable(key)), "unscaled rotary angles",
                  io::describe(*file.find(key)));
  if (auto const* const scale = file.find("llama.attention.scale"))
    throw error(file.path(), "llama.attention.scale is not supported", "1 / sqrt(width of a head)",
                io::describe(*scale));
  h.rope_theta = file.number("llama.rope.freq_base").value_or(1e4);
  auto const epsilon = file.number("llama.attention.layer_norm_rms_epsilon");
  if (!epsilon) throw error(file.path(), "missing key llama.attention.layer_norm_rms_epsilon");
  h.norm_eps = *epsilon;
  auto const* const embedding = file.tensor("token_embd.weight");
  if (embedding == nullptr) throw error(file.path(), "missing tensor token_embd.weight");
  h.vocabulary = embedding->shape.size() == 2 ? int(std::min<std::uint64_t>(embedding->shape[1], 1u << 30)) : 0;
  h.tied = file.tensor("output.weight") == nullptr;
  check(h, file.path());
  return h;
}

/// Throws cria::error for a tensor that is missing, has another shape or a type the library cannot read, or is not part
/// of a Llama (rope_freqs.weight, biases, experts).
inline stored_weights locate(io::gguf const& file, hyperparameters const& h) {
  stored_weights weights;
  std::set<std::string, std::less<>> used;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    auto const n = weight_name(i);
    if (n == weight_name::head && h.tied) continue;
    auto const [rows, columns] = shape_of(h, n);
    for (int layer = 0; layer < (once(n) ? 1 : h.layers); ++layer) {
      auto const name = gguf_name(n, layer);
      auto const where = file.path() + ": " + name;
      auto const* const t = file.tensor(name);
      if (t == nullptr) throw error(where, "missing tensor");
      std::vector<std::uint64_t> expected{std::uint64_t(columns), std::uint64_t(rows)};
      if (is_norm(n)) expected.pop_back();
      if (t->shape != expected) throw error(where, "shape, fastest axis first", extents(expected), extents(t->shape));
      if (!t->type.format) throw error(where, "type", "F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K or Q6_K", t->type.name);
      weights[i].push_back({*t->type.format, t->bytes});
      used.insert(name);
    }
  }
  for (auto const& t : file.tensors())
    if (!used.contains(t.name))
      throw error(file.path() + ": " + io::printable(t.name), "tensor is not supported", "the weights of a Llama",
                  "another");
  return weights;
}

}  // namespace cria::llama2::detail
