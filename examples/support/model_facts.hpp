#pragma once
// What a model computes, part by part, in plain words.
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cria/model/hyperparameters.hpp"

namespace support {

/// "positions" and "rotary, theta 10000": a name and what is to be said of it.
inline std::vector<std::pair<std::string, std::string>> parts_of(cria::llama2::hyperparameters const& h) {
  using namespace cria::llama2;
  std::string positions = fmt::format("rotary, theta {}", h.rope.theta);
  if (h.learned_positions)
    positions = fmt::format("a table of {}, added to the embedding", h.context);
  else if (h.rope.original_context != 0)
    positions += fmt::format(", stretched {} times by the rule of Llama 3, from a context of {}", h.rope.factor,
                             h.rope.original_context);
  else if (h.rope.factor != 1)
    positions += fmt::format(", all angles divided by {}", h.rope.factor);

  std::string attention = h.kv_heads < h.heads ? fmt::format("{} query heads for each kv head", h.heads / h.kv_heads)
                                               : "a kv head for each query head";
  attention += h.window > 0 ? fmt::format(", of the last {} positions", h.window) : ", of all positions before";
  if (h.qk_norm) attention += ", queries and keys normalised head by head";
  if (h.qkv_bias || h.wo_bias)
    attention += fmt::format(", {} with biases", !h.wo_bias   ? "wq, wk and wv"
                                                 : h.qkv_bias ? "wq, wk, wv and wo"
                                                              : "wo");

  std::string norm = "by the root of the mean square";
  if (h.norm == norm_form::rms_plus_one) norm += ", weights on top of 1";
  if (h.norm == norm_form::layer) norm = "about the mean, with biases";
  std::string feed_forward = h.feed_forward == feed_forward_form::swiglu  ? "gated by silu"
                             : h.feed_forward == feed_forward_form::geglu ? "gated by gelu"
                                                                          : "gelu, no gate";
  if (h.feed_forward_bias) feed_forward += ", with biases";
  std::vector<std::pair<std::string, std::string>> parts{{"kind", std::string(name_of(h.kind))},
          {"positions", positions},
          {"attention", attention},
          {"norms", fmt::format("{}, epsilon {}", norm, float(h.norm_eps))},
          {"feed-forward", feed_forward},
          {"embedding",
           h.embedding_scale != 1 ? fmt::format("times {:.4g}, the root of the width", h.embedding_scale) : "as it is"},
          {"head", h.tied ? "the embedding" : "a matrix of its own"}};
  if (auto const& a = h.adapter; a.rank > 0)
    parts.push_back({"adapter", fmt::format("rank {}, alpha {}, of {}", a.rank, a.alpha, fmt::join(a.matrices, ", "))});
  return parts;
}

}  // namespace support
