#pragma once
// Weights as Hugging Face publishes them: safetensors with the names of transformers' modules. Source: modeling_llama.py,
// modeling_qwen3.py, modeling_gpt2.py.
#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>

#include "cria/io/safetensors.hpp"
#include "cria/model/files/stored.hpp"

namespace cria::llama2::detail {

struct published_name {
  std::string_view ours, theirs;
};
inline constexpr published_name hugging_face_names[]{{"embed", "model.embed_tokens"},
                                                     {"attention_norm", "input_layernorm"},
                                                     {"wq", "self_attn.q_proj"},
                                                     {"wk", "self_attn.k_proj"},
                                                     {"wv", "self_attn.v_proj"},
                                                     {"wo", "self_attn.o_proj"},
                                                     {"q_norm", "self_attn.q_norm"},
                                                     {"k_norm", "self_attn.k_norm"},
                                                     {"ffn_norm", "post_attention_layernorm"},
                                                     {"w1", "mlp.gate_proj"},
                                                     {"w2", "mlp.down_proj"},
                                                     {"w3", "mlp.up_proj"},
                                                     {"norm", "model.norm"},
                                                     {"head", "lm_head"}};
inline constexpr published_name gpt2_names[]{
    {"embed", "wte"},      {"position_embed", "wpe"}, {"attention_norm", "ln_1"}, {"wq", "attn.c_attn"},
    {"wk", "attn.c_attn"}, {"wv", "attn.c_attn"},     {"wo", "attn.c_proj"},      {"ffn_norm", "ln_2"},
    {"w1", "mlp.c_fc"},    {"w2", "mlp.c_proj"},      {"norm", "ln_f"},           {"head", "lm_head"}};

/// The published name of a weight of a table, with `prefix` before those of a layer and ".weight" or ".bias" behind.
inline std::string published(std::span<published_name const> table, std::string_view name, std::string const& prefix) {
  bool const bias = name.ends_with(".bias");
  auto const base = name.substr(0, name.size() - (bias ? 5 : 0));
  auto const found = std::ranges::find(table, base, &published_name::ours);
  if (found == table.end()) throw error(name, "a weight without a name in this layout");
  return fmt::format("{}{}.{}", prefix, found->theirs, bias ? "bias" : "weight");
}

inline bool exists_once(std::string_view name) {
  return name == "embed" || name == "position_embed" || name == "head" || name == "norm" || name == "norm.bias";
}

/// The name of a weight in the layout of Llama and most others.
inline std::string hugging_face_name(std::string_view name, int layer) {
  return published(hugging_face_names, name, exists_once(name) ? "" : fmt::format("model.layers.{}.", layer));
}

/// Finds weights in a file and remembers which tensors were used.
class finder {
 public:
  explicit finder(io::safetensors const& file) : file_(file) {}

  /// The tensor, of the given shape. Throws cria::error where it is missing or cannot be read.
  io::file_tensor const& find(std::string const& name, std::vector<std::uint64_t> const& expected) {
    auto const where = file_.path() + ": " + name;
    auto const* const t = file_.tensor(name);
    if (t == nullptr) throw error(where, "missing tensor");
    if (t->shape != expected) throw error(where, "shape", extents(expected), extents(t->shape));
    if (!t->format()) throw error(where, "type", "F32, F16 or BF16", t->type);
    used_.insert(name);
    return *t;
  }
  void ignore(std::string name) { used_.insert(std::move(name)); }

  /// Throws cria::error for a tensor that nothing asked for and that does not end in one of `suffixes`.
  void check_rest(std::initializer_list<std::string_view> suffixes,
                  std::string_view expected = "the weights of the model that config.json describes") const {
    auto const known = [&](std::string_view name) {
      return used_.contains(name) || std::ranges::any_of(suffixes, [&](auto s) { return name.ends_with(s); });
    };
    refuse_others(file_.path(), file_.tensors(), known, expected);
  }

 private:
  io::safetensors const& file_;
  std::set<std::string, std::less<>> used_;
};

/// The matrices that are one in GPT-2's files, with rows in this order.
inline constexpr std::array<std::string_view, 3> joined_in_gpt2{"wq", "wk", "wv"};

/// The name in GPT-2's layout, in which q, k and v have one. `root` is empty or "transformer.".
inline std::string gpt2_name(std::string_view name, int layer, std::string const& root) {
  return published(gpt2_names, name, name == "head" ? "" : exists_once(name) ? root : fmt::format("{}h.{}.", root, layer));
}

/// GPT-2's matrices are [in, out], and q, k and v side by side in one.
inline stored_weights locate_gpt2(io::safetensors const& file, hyperparameters const& h) {
  auto const& parts = joined_in_gpt2;
  finder in(file);
  std::string const root = file.tensor("wte.weight") ? "" : "transformer.";
  stored_weights weights;
  for (auto const& [w, layer] : places_of(h)) {
    auto const name = gpt2_name(w.name, layer, root);
    auto const part = std::ranges::find(parts, std::string_view(w.name).substr(0, 2));
    bool const joined = part != parts.end(), turned = !w.vector && !w.once;
    auto expected = extents_of(w);
    if (joined) expected[0] *= 3;
    if (turned) std::swap(expected[0], expected[1]);
    auto const& t = in.find(name, expected);
    stored s{*t.format(), t.bytes};
    if (turned) s.turned_width = joined ? 3 * w.rows : w.rows;
    if (joined && turned) s.turned_first = int(part - parts.begin()) * w.rows;
    if (joined && !turned) s.bytes = t.bytes.subspan(t.bytes.size() / 3 * std::size_t(part - parts.begin()), t.bytes.size() / 3);
    weights[w.name].push_back(s);
  }
  in.ignore("lm_head.weight");
  in.check_rest({".attn.bias", ".attn.masked_bias"});  // causal masks
  return weights;
}

/// Throws cria::error for a tensor that is missing, has another shape or a type the library cannot read, or is not part
/// of the model.
inline stored_weights locate(io::safetensors const& file, hyperparameters const& h) {
  if (h.kind == architecture::gpt2) return locate_gpt2(file, h);
  finder in(file);
  stored_weights weights;
  for (auto const& [w, layer] : places_of(h)) {
    auto const& t = in.find(hugging_face_name(w.name, layer), extents_of(w));
    weights[w.name].push_back({*t.format(), t.bytes, {}, 0, w.rotated});
  }
  in.ignore("lm_head.weight");               // a tied model's file may hold the embedding a second time
  in.check_rest({".rotary_emb.inv_freq"});  // old files carry the rotary frequencies, which follow from theta
  return weights;
}

}  // namespace cria::llama2::detail
