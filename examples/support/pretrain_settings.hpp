#pragma once
// What is asked of a pretraining, and what the recipe adds.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/model/checkpoint.hpp"
#include "cria/train/recipe.hpp"
#include "support/kept_options.hpp"

namespace support {

/// Values of a model of this shape.
inline long parameters_of(cria::llama2::hyperparameters const& h) {
  long all = 0;
  for (auto const& [w, layer] : cria::llama2::places_of(h)) all += long(w.rows) * w.cols;
  return all;
}

struct pretrain_settings {
  static constexpr long not_given = std::numeric_limits<long>::min();
  std::string model, tokenizer, out, weights = "f32", documents = "across";
  std::vector<std::string> data;
  long steps = 0, tokens = 0, batch_tokens = 0, warmup = not_given;  // where nothing is given, also below: the recipe's
  int context = 0;
  double rate = 0, held_out = 0.02;
  std::uint64_t seed = 1;
  long validate_every = 50, save_every = 200, sample_every = 0;
  int keep = 2;
  bool resume = false, json = false, csv = false;
  kept_options kept{};  // what decides the bits

  pretrain_settings() = default;
  pretrain_settings(pretrain_settings const&) = delete;
  pretrain_settings& operator=(pretrain_settings const&) = delete;

  /// Fills in what was not given: from `before`, the settings of the run that goes on, or from the recipe for this
  /// size. Throws cria::error for what is out of range and for what differs from `before`.
  cria::train::recipe resolve(cria::llama2::hyperparameters const& shape, cria::io::json const* before) {
    using cria::error;
    for (auto& path : data) path = std::filesystem::absolute(path).lexically_normal().string();
    if (before) kept.restore(out, *before);
    auto how = cria::train::recipe_for(parameters_of(shape));
    if (context == 0) context = std::min(how.context, shape.context);
    if (context < 1 || context > shape.context)
      throw error("--context", "out of range", fmt::format("1 to {}, the model's", shape.context),
                  fmt::format("{}", context));
    if (batch_tokens == 0) batch_tokens = std::max(1L, how.batch_tokens / context) * context;
    if (batch_tokens < context || batch_tokens % context != 0 || batch_tokens > 1 << 30)
      throw error("--batch-tokens", "out of range", fmt::format("a multiple of --context, {}, up to 2^30", context),
                  fmt::format("{}", batch_tokens));
    long const asked = tokens > 0 ? (tokens - 1) / batch_tokens + 1 : 0;
    if (before && asked != 0 && asked != steps)
      throw error("--tokens", "the run was begun with another number of steps", fmt::format("{}", steps),
                  fmt::format("{}", asked));
    if (steps == 0) steps = asked != 0 ? asked : (how.tokens + batch_tokens - 1) / batch_tokens;
    if (warmup == not_given) warmup = std::min(how.warmup, std::max(1L, steps / 10));
    if (rate == 0) rate = how.peak_rate;
    if (!(rate <= 1e3)) throw error("--rate", "out of range", "a number up to 1000", fmt::format("{}", rate));
    if (long const most = (1L << 60) / batch_tokens; steps > most)
      throw error("--steps", "out of range", fmt::format("up to {}, 2^60 tokens", most), fmt::format("{}", steps));
    for (auto const& [flag, value] :
         {std::pair{"--warmup", warmup}, {"--validate-every", validate_every}, {"--sample-every", sample_every}})
      if (value < 0) throw error(flag, "out of range", "0 or more", fmt::format("{}", value));
    if (!(held_out >= 0 && held_out < 1))
      throw error("--held-out", "out of range", "0 to less than 1", fmt::format("{}", held_out));
    if (data.empty()) throw error("--data", "required", "a corpus or a text", "none");
    how.peak_rate = rate, how.warmup = warmup, how.batch_tokens = batch_tokens, how.context = context;
    how.tokens = steps * batch_tokens, how.across_documents = documents == "across";
    return how;
  }
};

}  // namespace support
