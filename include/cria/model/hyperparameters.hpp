#pragma once
// What a checkpoint says of its model: the run-time twin of llama2::config.
#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cria/core/dtype.hpp"
#include "cria/core/rotation.hpp"

namespace cria::llama2 {

/// Whose names and conventions a model's files follow.
enum class architecture { llama, mistral, qwen2, qwen3, gemma, gpt2 };
inline constexpr std::string_view architecture_names[]{"llama", "mistral", "qwen2", "qwen3", "gemma", "gpt2"};
constexpr std::string_view name_of(architecture a) { return architecture_names[int(a)]; }

/// The value of the slot norm.
enum class norm_form { rms, rms_plus_one, layer };         // nn::rms_norm, rms_norm_plus_one, layer_norm
/// The value of the slot feed_forward.
enum class feed_forward_form { swiglu, geglu, gelu_mlp };  // as in nn

/// Low-rank updates of some matrices, W + alpha / rank B A (Hu et al. 2021, arXiv 2106.09685), by the matrices' names;
/// rank 0: of none.
struct adapter_shape {
  int rank = 0, alpha = 0;
  std::vector<std::string> matrices{};
  bool has(std::string_view name) const { return std::find(matrices.begin(), matrices.end(), name) != matrices.end(); }
};

/// The shape and the conventions of a model, as its files tell them. Sizes are numbers of values; 0 is not known yet.
struct hyperparameters {
  int embed = 0, layers = 0, heads = 0, kv_heads = 0, head_dim = 0, hidden = 0, vocabulary = 0, context = 0;
  rotation rope{};
  double norm_eps = 1e-5, embedding_scale = 1;
  int window = 0;                                                   // positions that a row attends to; 0: all
  architecture kind = architecture::llama;
  norm_form norm = norm_form::rms;
  feed_forward_form feed_forward = feed_forward_form::swiglu;
  bool learned_positions = false;                                   // a table, where others rotate
  bool qk_norm = false;                                             // queries and keys are normalised head by head
  bool qkv_bias = false, wo_bias = false, feed_forward_bias = false;
  bool tied = false;                                                // the head is the embedding
  std::map<std::string, layer_formats, std::less<>> formats{};      // of the matrices that are not f32
  adapter_shape adapter{};

  layer_formats format_of(std::string_view weight) const {
    auto const found = formats.find(tied && weight == "head" ? "embed" : weight);
    return found == formats.end() ? layer_formats(dtype::f32) : found->second;
  }
};

/// One of a model's weights by its name in the library: a matrix [rows, cols], or a vector of `cols` values in one row.
struct weight_info {
  std::string name;
  int rows, cols;
  bool once = false;     // not in each layer
  bool rotated = false;  // its rows, or a vector's values, belong to rotary pairs
  bool vector = false;
};

/// Every weight that a file of this model holds, those of its adapter behind their matrices; a tied head is none.
inline std::vector<weight_info> weights_of(hyperparameters const& h) {
  std::vector<weight_info> all;
  int const q = h.heads * h.head_dim, kv = h.kv_heads * h.head_dim;
  bool const rotates = !h.learned_positions;
  auto const add = [&](weight_info const& w, bool biased = false) {
    all.push_back(w);
    if (biased) all.push_back({w.name + ".bias", 1, w.vector ? w.cols : w.rows, w.once, w.rotated, true});
    if (!h.adapter.has(w.name)) return;
    all.push_back({w.name + ".lora_a", h.adapter.rank, w.cols});
    all.push_back({w.name + ".lora_b", w.rows, h.adapter.rank, false, w.rotated});
  };
  auto const add_norm = [&](char const* name, bool once) {
    add({name, 1, h.embed, once, false, true}, h.norm == norm_form::layer);
  };
  add({"embed", h.vocabulary, h.embed, true});
  if (h.learned_positions) add({"position_embed", h.context, h.embed, true});
  add_norm("attention_norm", false);
  add({"wq", q, h.embed, false, rotates}, h.qkv_bias), add({"wk", kv, h.embed, false, rotates}, h.qkv_bias);
  add({"wv", kv, h.embed}, h.qkv_bias), add({"wo", h.embed, q}, h.wo_bias);
  if (h.qk_norm) add({"q_norm", 1, h.head_dim, false, rotates, true}), add({"k_norm", 1, h.head_dim, false, rotates, true});
  add_norm("ffn_norm", false);
  add({"w1", h.hidden, h.embed}, h.feed_forward_bias), add({"w2", h.embed, h.hidden}, h.feed_forward_bias);
  if (h.feed_forward != feed_forward_form::gelu_mlp) add({"w3", h.hidden, h.embed}, h.feed_forward_bias);
  add_norm("norm", true);
  if (!h.tied) add({"head", h.vocabulary, h.embed, true});
  return all;
}

/// A weight in one layer; 0 for those that exist once.
struct weight_place {
  weight_info weight;
  int layer;
};
inline std::vector<weight_place> places_of(hyperparameters const& h) {
  std::vector<weight_place> all;
  for (auto const& w : weights_of(h))
    for (int layer = 0; layer < (w.once ? 1 : h.layers); ++layer) all.push_back({w, layer});
  return all;
}

}  // namespace cria::llama2
