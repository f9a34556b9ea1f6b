#pragma once
// adapter_config.json of peft's: which matrices have adapters, of which rank and scale. Source: peft's LoraConfig, and
// get_pattern_key of its utils/other.py.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/ranges.h>

#include "cria/model/files/config_json.hpp"
#include "cria/model/files/hugging_face.hpp"

namespace cria::llama2::detail {

/// What peft calls a matrix that can have an adapter: "self_attn.q_proj"; GPT-2's wq, wk and wv together "attn.c_attn".
inline std::string_view module_of(architecture kind, std::string_view matrix) {
  std::span<published_name const> table = hugging_face_names;
  if (kind == architecture::gpt2) table = gpt2_names;
  return std::ranges::find(table, matrix, &published_name::ours)->theirs;
}

/// The whole name of that module: "model.layers.0.self_attn.q_proj".
inline std::string module_path(architecture kind, std::string_view matrix, int layer) {
  return fmt::format("{}.{}.{}", kind == architecture::gpt2 ? "transformer.h" : "model.layers", layer, module_of(kind, matrix));
}

/// The name in adapter_model.safetensors of "wq.lora_a" or "wq.lora_b".
inline std::string peft_name(architecture kind, std::string_view name, int layer) {
  return fmt::format("base_model.model.{}.lora_{}.weight", module_path(kind, name.substr(0, name.rfind('.')), layer),
                     name.ends_with('a') ? 'A' : 'B');
}

/// Whether `name` is the end of a module's whole name: q_proj, or self_attn.q_proj; or all of it.
inline bool names_module(std::string_view name, std::string_view module) {
  return module == name || (module.ends_with(name) && module[module.size() - name.size() - 1] == '.');
}

/// The matrices that target_modules names, in the model's order.
inline std::vector<std::string> read_targets(config_reader const& config, hyperparameters base) {
  base.adapter = {};
  std::vector<std::string> known, matrices, ends;
  for (auto const& w : weights_of(base)) {
    if (w.once || w.vector) continue;
    known.push_back(w.name);
    auto const module = module_of(base.kind, w.name);
    auto const end = std::string(module.substr(module.rfind('.') + 1));
    if (std::ranges::find(ends, end) == ends.end()) ends.push_back(end);
  }
  auto const names = fmt::format("{}", fmt::join(ends, ", "));
  auto const* const targets = config.find("target_modules");
  if (targets == nullptr) throw error(config.file(), "missing member target_modules");
  bool const list =
      targets->is_array() && !targets->empty() && std::ranges::all_of(*targets, [](auto const& t) { return t.is_string(); });
  if (!list) config.refuse("target_modules", "a list of " + names, *targets);
  auto const means = [&](io::json const& t, std::string const& matrix) {
    return names_module(t.get<std::string>(), module_of(base.kind, matrix));
  };
  for (auto const& t : *targets)
    if (std::ranges::none_of(known, [&](auto const& m) { return means(t, m); }))
      config.refuse("target_modules names a module that cannot have an adapter", "one of " + names, t);
  for (auto const& m : known)
    if (std::ranges::any_of(*targets, [&](auto const& t) { return means(t, m); })) matrices.push_back(m);
  return matrices;
}

/// Throws cria::error for what makes something else of W than W + scale B A, or changes other weights.
inline void refuse_variations(config_reader const& config, io::json const& object, architecture kind) {
  for (auto const& [member, value] : object.items()) {
    if (member == "eva_config") continue;  // of how A begins alone; init_lora_weights says eva then, or true where some couldn't
    bool const nothing = value.is_null() || value == false || value == io::json::object();
    if (!nothing && member != "use_rslora" && (member.starts_with("use_") || member.ends_with("_config")))
      config.refuse(io::printable(member) + " is not supported", "false or null", value);
  }
  config.expect("bias", "none"), config.expect("lora_bias", false);
  if (kind != architecture::gpt2) config.expect("fan_in_fan_out", false);  // there peft sets it by itself
  for (char const* const member : {"modules_to_save", "target_parameters"}) config.expect(member, io::json::array());
  for (char const* const member : {"layers_to_transform", "layers_pattern", "exclude_modules", "trainable_token_indices",
                                   "layer_replication", "alora_invocation_tokens"})
    config.expect(member, nullptr);
  // Where A and B begin elsewhere, the base is not the one that was trained upon.
  auto const* const begins = config.find("init_lora_weights");
  bool const plain =
      begins == nullptr || begins->is_boolean() || *begins == "gaussian" || *begins == "orthogonal" || *begins == "eva";
  if (!plain) config.refuse("init_lora_weights is not supported", "true, false, gaussian, orthogonal or eva", *begins);
}

/// The rank and the scale of the adapter of each matrix, W + scale B A: `r` and `lora_alpha` where rank_pattern and
/// alpha_pattern say nothing else; the scale is alpha / rank, or rank-stabilised alpha / sqrt(rank) (Kalajdzievski 2023).
class adapter_sizes {
 public:
  struct size {
    int rank;
    double scale;
  };

  explicit adapter_sizes(config_reader const& config)
      : r(config.whole("r")), alpha(config.number("lora_alpha")), stabilised_(config.boolean("use_rslora", false)),
        ranks_(read_pattern(config, "rank_pattern", true)),
        alphas_(read_pattern(config, "alpha_pattern", false)) {
    check_rank(config.file(), "rank (r)", r, 1), check_alpha(config.file(), "lora_alpha", alpha);
  }

  int const r;
  double const alpha;

  /// That of a module by its whole name. Where several names of a pattern mean it, the first in alphabetical order does, in which
  /// peft writes them and looks for one.
  size of(std::string_view module) const {
    int const rank = int(value_of(ranks_, module, r));
    return {rank, value_of(alphas_, module, alpha) / (stabilised_ ? std::sqrt(double(rank)) : double(rank))};
  }

  static constexpr int most_rank = 1 << 14, most_alpha = 1 << 24;
  static void check_rank(std::string_view where, std::string_view name, int n, int least) {
    if (n < least || n > most_rank) throw error(where, name, fmt::format("{} to {}", least, most_rank), std::to_string(n));
  }
  static void check_alpha(std::string_view where, std::string_view name, double x) {
    if (!(x > 0 && x <= most_alpha))
      throw error(where, name, fmt::format("above 0, {} at most", most_alpha), fmt::format("{}", x));
  }

 private:
  struct pattern {
    std::string where;
    std::vector<std::pair<std::string, double>> values;  // by the end of a module's name; its whole name after ^
  };
  bool stabilised_;
  pattern ranks_, alphas_;

  /// The names are regular expressions to peft; here they are names.
  static pattern read_pattern(config_reader const& config, char const* member, bool of_ranks) {
    pattern all{config.file() + ": " + member, {}};
    auto const* const object = config.find(member);
    if (object == nullptr) return all;
    if (!object->is_object()) config.refuse(member, "an object", *object);
    for (auto const& [name, value] : object->items()) {
      auto const part = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.'; };
      auto const plain = std::string_view(name).substr(name.starts_with('^') ? 1 : 0);
      if (plain.empty() || !std::ranges::all_of(plain, part))
        throw error(all.where, "not the name of a module", "letters, digits, _ and .", io::printable(name));
      config_reader const values(all.where, *object);
      if (name.size() > 80) throw error(all.where, "name of a module", "80 characters at most", io::printable(name));
      if (of_ranks) check_rank(all.where, name, values.whole(name.c_str()), 1);
      else check_alpha(all.where, name, values.number(name.c_str()));
      all.values.emplace_back(name, value.get<double>());
    }
    return all;
  }
  static double value_of(pattern const& in, std::string_view module, double otherwise) {
    auto const found = std::ranges::find_if(in.values, [&](auto const& v) {
      return v.first[0] == '^' ? module == v.first.substr(1) : names_module(v.first, module);
    });
    return found == in.values.end() ? otherwise : found->second;
  }
};

}  // namespace cria::llama2::detail
