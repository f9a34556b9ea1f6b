#pragma once
// Why a model cannot be expressed: all that is wrong with a file is gathered, so that a user sees at once what it would
// take.
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cria/core/error.hpp"

namespace cria::llama2::detail {

/// What some models have and the library doesn't, by its member of config.json and the end of its key in a GGUF; none
/// where empty.
struct foreign_part {
  std::string_view member, key, what;
};
inline constexpr foreign_part foreign_parts[]{
    {"num_local_experts", "expert_count", "experts, among which a router chooses"},
    {"num_experts", "", "experts, among which a router chooses"},
    {"n_routed_experts", "", "experts, among which a router chooses"},
    {"attn_logit_softcapping", "attn_logit_softcapping", "a soft cap on the scores of attention"},
    {"final_logit_softcapping", "final_logit_softcapping", "a soft cap on the logits"},
    {"query_pre_attn_scalar", "attention.scale", "a scale of the scores of its own"},
    {"attention_multiplier", "", "a scale of the scores of its own"},
    {"embedding_multiplier", "embedding_scale", "a scale of the embedding of its own"},
    {"residual_multiplier", "residual_scale", "a scale of the residual stream"},
    {"logits_scaling", "logit_scale", "a scale of the logits"},
    {"logit_scale", "", "a scale of the logits"},
    {"clip_qkv", "attention.clamp_kqv", "bounds on queries, keys and values"},
    {"kv_lora_rank", "attention.kv_lora_rank", "keys and values of a low rank"},
    {"alibi", "attention.max_alibi_bias", "biases by distance in place of rotation"},
    {"use_bidirectional_attention", "", "attention to what comes after"},
    {"", "attention.sliding_window_pattern", "windows in some layers only"},
    {"use_parallel_residual", "use_parallel_residual", "attention and feed-forward part side by side"},
    {"parallel_attn", "", "attention and feed-forward part side by side"},
    {"state_size", "ssm.state_size", "state spaces in place of attention"},
    {"layer_norm_eps", "attention.layer_norm_epsilon", "norms about the mean in a model that isn't GPT-2's"},
    {"partial_rotary_factor", "", "rotation of a part of each head"},
    {"quantization_config", "", "weights that were quantised for other programs"},
};

/// Tries the parts of a reading, and throws cria::error with what all of them threw.
class reasons {
 public:
  explicit reasons(std::string file) : prefix_(std::move(file) + ": ") {}

  void attempt(auto const& part) {
    try {
      part();
    } catch (error const& e) {
      std::string_view what = e.what();
      if (what.starts_with(prefix_)) what.remove_prefix(prefix_.size());
      all_.emplace_back(what);
    }
  }
  void add(std::string what) { all_.push_back(std::move(what)); }
  void check() const {
    if (!all_.empty()) throw error("", prefix_ + fmt::format("{}", fmt::join(all_, "; ")));
  }

 private:
  std::string prefix_;
  std::vector<std::string> all_;
};

}  // namespace cria::llama2::detail
