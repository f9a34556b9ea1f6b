#pragma once
// Adapters as peft keeps them: adapter_config.json and adapter_model.safetensors. Source: peft's LoraConfig and
// save_and_load.py.
#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/ranges.h>

#include "cria/model/files/config_json.hpp"
#include "cria/model/files/hugging_face.hpp"

namespace cria::llama2 {

namespace detail {

/// What peft calls a matrix that can have an adapter: "self_attn.q_proj"; GPT-2's wq, wk and wv together "attn.c_attn".
inline std::string_view module_of(architecture kind, std::string_view matrix) {
  std::span<published_name const> table = hugging_face_names;
  if (kind == architecture::gpt2) table = gpt2_names;
  return std::ranges::find(table, matrix, &published_name::ours)->theirs;
}

/// The name in adapter_model.safetensors of "wq.lora_a" or "wq.lora_b".
inline std::string peft_name(architecture kind, std::string_view name, int layer) {
  return fmt::format("base_model.model.{}.{}.{}.lora_{}.weight", kind == architecture::gpt2 ? "transformer.h" : "model.layers",
                     layer, module_of(kind, name.substr(0, name.rfind('.'))), name.ends_with('a') ? 'A' : 'B');
}

/// The matrices that target_modules names, in the model's order. A name is the end of a module's: q_proj, or
/// self_attn.q_proj.
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
    auto const target = t.get<std::string>();
    auto const module = module_of(base.kind, matrix);
    return module == target || (module.ends_with(target) && module[module.size() - target.size() - 1] == '.');
  };
  for (auto const& t : *targets)
    if (std::ranges::none_of(known, [&](auto const& m) { return means(t, m); }))
      config.refuse("target_modules names a module that cannot have an adapter", "one of " + names, t);
  for (auto const& m : known)
    if (std::ranges::any_of(*targets, [&](auto const& t) { return means(t, m); })) matrices.push_back(m);
  return matrices;
}

/// Throws cria::error for what makes of B A something else than W + alpha / r B A, or changes other weights.
inline void refuse_variations(config_reader const& config, io::json const& object, architecture kind) {
  for (auto const& [member, value] : object.items()) {
    bool const nothing = value.is_null() || value == false || value == io::json::object();
    if (!nothing && (member.starts_with("use_") || member.ends_with("_config")))
      config.refuse(io::printable(member) + " is not supported", "false or null", value);
  }
  config.expect("bias", "none"), config.expect("lora_bias", false);
  if (kind != architecture::gpt2) config.expect("fan_in_fan_out", false);  // there peft sets it by itself
  for (char const* const member : {"rank_pattern", "alpha_pattern"}) config.expect(member, io::json::object());
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

/// Throws cria::error where a value is infinite or not a number.
inline void check_finite(std::string const& where, dtype format, std::span<std::byte const> bytes) {
  auto const one = bytes_of(format, 1), count = bytes.size() / one;
  std::vector<float> some(std::min<std::size_t>(count, 1 << 14));
  for (std::size_t first = 0; first < count; first += some.size()) {
    some.resize(std::min(some.size(), count - first));
    decode(format, bytes.subspan(first * one, some.size() * one), some);
    for (std::size_t i = 0; i < some.size(); ++i)
      if (!std::isfinite(some[i]))
        throw error(where, fmt::format("value {}", first + i), "a finite number", fmt::format("{}", some[i]));
  }
}

}  // namespace detail

/// An adapter of a model: from peft's files, or a new one. One of rank 1 in a file has rank 2 here, twice the alpha, and
/// zeros for the second row of A and column of B: the same update, for a weight of one row is a vector to a graph.
class adapter {
 public:
  /// Opens a folder with adapter_config.json and adapter_model.safetensors for the model `base`. Throws cria::error, naming
  /// file, member or tensor, for a rank or matrix that doesn't fit, for values that are infinite or not numbers, and for
  /// DoRA, rsLoRA, biases and the like. GPT-2's adapter of c_attn is one of wq, wk and wv each: A is theirs together, and
  /// B's rows lie one after the other.
  static adapter open(std::filesystem::path const& folder, hyperparameters const& base) {
    auto const config = folder / "adapter_config.json", weights = folder / "adapter_model.safetensors";
    for (auto const& part : {config, weights})
      if (!io::is_there(part.string()))
        throw error(folder.string(), "not an adapter", "a folder with adapter_config.json and adapter_model.safetensors",
                    "no " + part.filename().string());
    return adapter(io::mapped_file(config.string()), io::mapped_file(weights.string()), base);
  }
  adapter(io::mapped_file const& config, io::mapped_file weights, hyperparameters const& base) {
    auto const object = io::read_json(config);
    detail::config_reader const reader(config.path(), object);
    if (reader.find("peft_type") == nullptr) throw error(config.path(), "missing member peft_type");
    reader.expect("peft_type", "LORA"), reader.expect("task_type", "CAUSAL_LM");
    detail::refuse_variations(reader, object, base.kind);
    shape_ = {reader.whole("r"), reader.whole("lora_alpha"), detail::read_targets(reader, base)};
    check(config.path(), 1);
    if (auto const* const name = reader.find("base_model_name_or_path"); name && name->is_string())
      base_model_ = name->get<std::string>();
    file_.emplace(std::move(weights));
    detail::finder in(*file_);
    for (auto const& [w, layer] : places(base)) weights_[w.name].push_back(find(in, base.kind, w, layer));
    in.check_rest({}, "the matrices that adapter_config.json names");
    if (shape_.rank == 1) shape_.rank = 2, shape_.alpha *= 2;
  }

  /// A new adapter, which changes nothing yet: A uniform within 1 / sqrt(in), as peft begins, B 0.
  static adapter initial(adapter_shape shape, hyperparameters const& base, unsigned seed) {
    adapter r;
    r.shape_ = std::move(shape);
    r.check("adapter", 2);
    if (base.kind == architecture::gpt2)
      throw error("adapter", "architecture of the model", "one whose q, k and v are apart", "gpt2");
    std::mt19937 bits(seed);
    auto const all = r.places(base);
    for (auto const& m : r.shape_.matrices)
      if (std::ranges::none_of(all, [&](auto const& p) { return p.weight.name == m + ".lora_a"; }))
        throw error("adapter", "no matrix of a layer", "one of the model's", m);
    for (auto const& [w, layer] : all) {
      auto& values = r.made_.emplace_back(std::size_t(w.rows) * std::size_t(w.cols), 0.0f);
      if (w.name.ends_with('a'))
        for (float& x : values) x = float((double(bits()) / 0x1p31 - 1) / std::sqrt(w.cols));
      r.weights_[w.name].push_back({dtype::f32, std::as_bytes(std::span(values))});
    }
    return r;
  }

  adapter_shape const& shape() const { return shape_; }
  /// base_model_name_or_path: empty where the file doesn't say.
  std::string const& base_model() const { return base_model_; }
  detail::stored_weights const& weights() const { return weights_; }

  /// Throws cria::error unless these weights have the matrices of the model that the adapter was made for.
  void check_fits(std::vector<weight_info> const& model, int layers) const {
    for (auto const& [name, stored] : weights_) {
      auto const w = std::ranges::find(model, name, &weight_info::name);
      if (w == model.end() || stored.size() != std::size_t(layers) ||
          stored[0].bytes.size() != bytes_of(stored[0].format, std::size_t(w->rows) * std::size_t(w->cols)))
        throw error(name, "the adapter is another model's");
    }
  }

 private:
  adapter() = default;
  adapter_shape shape_;
  std::string base_model_;
  std::optional<io::safetensors> file_;
  std::vector<std::vector<float>> made_;  // what is not in the file
  detail::stored_weights weights_;

  detail::stored find(detail::finder& in, architecture kind, weight_info const& w, int layer) {
    constexpr std::array<std::string_view, 3> joined{"wq", "wk", "wv"};
    auto const part = std::ranges::find(joined, std::string_view(w.name).substr(0, 2));
    bool const is_a = w.name.ends_with('a'), is_part = kind == architecture::gpt2 && part != joined.end() && !is_a;
    auto const name = detail::peft_name(kind, w.name, layer);
    auto expected = detail::extents_of(w);
    if (is_part) expected[0] *= joined.size();
    auto const& t = in.find(name, expected);
    detail::check_finite(file_->path() + ": " + name, *t.format(), t.bytes);
    detail::stored s{*t.format(), t.bytes, {}, 0, w.rotated};
    auto const count = std::size_t(w.rows) * std::size_t(w.cols);
    auto const size = bytes_of(s.format, count);
    if (is_part) s.bytes = t.bytes.subspan(size * std::size_t(part - joined.begin()), size);
    if (shape_.rank == 1) {
      std::vector<float> one(count);
      decode(s.format, s.bytes, one);
      auto& two = made_.emplace_back(2 * count);
      for (std::size_t i = 0; i < count; ++i) two[is_a ? i : 2 * i] = one[i];
      s.format = dtype::f32, s.bytes = std::as_bytes(std::span(two));
    }
    return s;
  }

  void check(std::string_view where, int least_rank) const {
    constexpr int most = 1 << 14;
    auto const within = [&](std::string_view name, int n, int least, int end) {
      if (n < least || n > end) throw error(where, name, fmt::format("{} to {}", least, end), std::to_string(n));
    };
    within("rank (r)", shape_.rank, least_rank, most);
    within("lora_alpha", shape_.alpha, 1, shape_.rank == 1 ? most / 2 : most);  // it is doubled with a rank of 1
    if (shape_.matrices.empty()) throw error(where, "matrices with adapters", "some", "none");
  }
  std::vector<weight_place> places(hyperparameters base) const {
    base.adapter = shape_;
    auto all = places_of(base);
    std::erase_if(all, [](auto const& p) { return p.weight.name.find(".lora_") == std::string::npos; });
    return all;
  }
};

}  // namespace cria::llama2
