#pragma once
// A Llama as Meta publishes it: params.json beside consolidated.NN.pth. Source: llama/model.py of Meta's llama, and of
// llama-models for Llama 3.
#include <set>
#include <string>
#include <string_view>

#include "cria/io/consolidated.hpp"
#include "cria/model/files/config_json.hpp"
#include "cria/model/files/hugging_face.hpp"

namespace cria::llama2::detail {

inline constexpr published_name meta_names[]{{"embed", "tok_embeddings"},
                                             {"attention_norm", "attention_norm"},
                                             {"wq", "attention.wq"},
                                             {"wk", "attention.wk"},
                                             {"wv", "attention.wv"},
                                             {"wo", "attention.wo"},
                                             {"ffn_norm", "ffn_norm"},
                                             {"w1", "feed_forward.w1"},
                                             {"w2", "feed_forward.w2"},
                                             {"w3", "feed_forward.w3"},
                                             {"norm", "norm"},
                                             {"head", "output"}};

inline std::string meta_name(std::string_view name, int layer) {
  return published(meta_names, name, exists_once(name) ? "" : fmt::format("layers.{}.", layer));
}

/// What models in this layout have, by members of params.json, and the library doesn't: Llama 4's parts, what was trained
/// for int4, images, and Mistral's, whose own files look the same.
inline constexpr foreign_part meta_foreign_parts[]{
    {"moe", "", "experts, among which a router chooses"},
    {"moe_args", "", "experts, among which a router chooses"},
    {"quantization_args", "", "weights that were quantised for other programs"},
    {"lora_args", "", "low-rank updates beside the weights"},
    {"vision_args", "", "images"},
    {"vision_model", "", "images"},
    {"vision_chunk_size", "", "images"},
    {"attention_chunk_size", "", "attention within chunks"},
    {"nope_layer_interval", "", "layers without rotation"},
    {"use_qk_norm", "", "norms of queries and keys"},
    {"sliding_window", "", "a window of attention in this layout"},
};

/// The model's width, without which the files cannot be put together. Throws cria::error, with all reasons, for what the
/// library has no words for.
inline int read_width(config_reader const& params) {
  reasons why(params.file());
  find_foreign(params, meta_foreign_parts, why);
  why.check();
  return params.whole("dim");
}

/// The rotation, and the context, which the file doesn't say: 4,096, Llama 2's; 16,384 with Code Llama's theta; with Llama
/// 3's vocabulary 8,192; 131,072 with Llama 3.1's rule for the rotation. Where that has no factor it is 8, and of Llama
/// 3.2 1B and 3B, which are known by their sizes, 32 (github.com/meta-llama/llama-models, issue 166).
inline void read_meta_rope(config_reader const& params, hyperparameters& h) {
  h.rope.theta = params.number("rope_theta", 1e4);
  h.context = h.vocabulary > 100000 ? 8192 : h.rope.theta > 1e4 ? 16384 : 4096;
  if (!params.boolean("use_scaled_rope", false)) return;
  bool const small = (h.embed == 2048 && h.layers == 16) || (h.embed == 3072 && h.layers == 28);
  h.rope.factor = params.number("rope_scaling_factor", small ? 32 : 8);
  h.rope.low = 1, h.rope.high = 4, h.rope.original_context = 8192;
  h.context = 131072;
}

/// The shape that params.json gives, the widths of the feed-forward part and of the vocabulary from the weights.
inline hyperparameters read_shape(config_reader const& params, io::consolidated const& files) {
  auto const rows_of = [&](std::string const& name) {
    auto const* const t = files.tensor(name);
    if (t == nullptr) throw error(files.path() + ": " + name, "missing tensor");
    return int(std::min<std::uint64_t>(t->rows(), 1u << 30));
  };
  hyperparameters h;
  h.embed = read_width(params), h.layers = params.whole("n_layers"), h.heads = params.whole("n_heads");
  h.kv_heads = params.whole("n_kv_heads", h.heads);
  h.head_dim = share_of_a_head(params.file(), "dim", h);
  h.norm_eps = params.number("norm_eps", 1e-5);
  h.hidden = rows_of(meta_name("w1", 0)), h.vocabulary = rows_of(meta_name("embed", 0));
  read_meta_rope(params, h);
  h.tied = files.tensor("output.weight") == nullptr;
  check(h, params.file());
  return h;
}

/// Throws cria::error for a tensor that is missing, has another shape or a type the library cannot read, or is not part
/// of a Llama.
inline stored_weights locate(io::consolidated const& files, hyperparameters const& h) {
  stored_weights weights;
  std::set<std::string, std::less<>> used;
  for (auto const& [w, layer] : places_of(h)) {
    auto const name = meta_name(w.name, layer);
    auto const where = files.path() + ": " + name;
    auto const* const t = files.tensor(name);
    if (t == nullptr) throw error(where, "missing tensor");
    if (auto const expected = extents_of(w); t->shape != expected)
      throw error(where, "shape", extents(expected), extents(t->shape));
    if (!t->format()) throw error(where, "type", "F32, F16 or BF16", t->type);
    stored s{.format = *t->format(), .bytes = t->parts[0]};
    if (t->parts.size() > 1) s.merged = t;
    weights[w.name].push_back(s);
    used.insert(name);
  }
  refuse_others(files.path(), files.tensors(), [&](std::string_view name) { return used.contains(name); },
                "the weights of a Llama");
  return weights;
}

}  // namespace cria::llama2::detail
