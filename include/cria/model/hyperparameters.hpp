#pragma once
// What a checkpoint says of its shape: the run-time twin of llama2::config.
#include <array>
#include <string_view>

#include "cria/core/dtype.hpp"

namespace cria::llama2 {

/// The weights of a decoder by their name in the library; a norm is a vector, the others are [out, in].
enum class weight_name { embed, attention_norm, wq, wk, wv, wo, ffn_norm, w1, w2, w3, norm, head };
inline constexpr std::array<std::string_view, 12> weight_names{"embed", "attention_norm", "wq", "wk", "wv", "wo",
                                                               "ffn_norm", "w1", "w2", "w3", "norm", "head"};

struct hyperparameters {
  int embed = 0, layers = 0, heads = 0, kv_heads = 0, head_dim = 0, hidden = 0, vocabulary = 0, context = 0;
  double rope_theta = 1e4, norm_eps = 1e-5;
  bool tied = false;                   // the head is the embedding
  std::array<layer_formats, 12> formats{};  // by weight_name
};

}  // namespace cria::llama2
