#pragma once
// Adapters as peft keeps them: adapter_config.json and adapter_model.safetensors. Source: peft's save_and_load.py.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cria/model/files/adapter_config.hpp"

namespace cria::llama2 {

namespace detail {

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

/// An adapter of a model: from peft's files, or a new one. All its matrices have one rank here, the largest of the file's and 2
/// at least, for a weight of one row is a vector to a graph: what a file's lacks are rows of A and columns of B of zeros. Where
/// the file's scales differ they are in B, and alpha / rank is 1. The update is the same.
class adapter {
 public:
  /// Opens a folder with adapter_config.json and adapter_model.safetensors for the model `base`. Throws cria::error, naming
  /// file, member or tensor, for a rank or matrix that doesn't fit, for values that are infinite or not numbers, and for
  /// DoRA, biases and the like. GPT-2's adapter of c_attn is one of wq, wk and wv each: A is theirs together, and
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
    detail::adapter_sizes const sizes(reader);
    shape_ = {2, 0, detail::read_targets(reader, base)};
    std::vector<detail::adapter_sizes::size> all;
    for (auto const& m : shape_.matrices)
      for (int layer = 0; layer < base.layers; ++layer) all.push_back(sizes.of(detail::module_path(base.kind, m, layer)));
    if (all.empty()) throw error(config.path(), "matrices with adapters", "some", "none");
    auto const [smallest, largest] = std::ranges::minmax(all, {}, &detail::adapter_sizes::size::rank);
    if (largest.rank > 64 * smallest.rank)  // zeros fill up the smaller ones
      throw error(config.path(), "ranks", fmt::format("none above 64 times the smallest, {}", smallest.rank),
                  std::to_string(largest.rank));
    shape_.rank = std::max(2, largest.rank);
    double const alpha = all[0].scale * shape_.rank, whole = std::round(alpha);
    bool const alike = std::ranges::all_of(all, [&](auto const& own) { return own.scale == all[0].scale; }) && whole >= 1 &&
                       whole <= 1 << 20 && std::abs(alpha - whole) < 1e-9 * whole;
    shape_.alpha = alike ? int(whole) : shape_.rank;
    if (auto const* const name = reader.find("base_model_name_or_path"); name && name->is_string())
      base_model_ = name->get<std::string>();
    file_.emplace(std::move(weights));
    detail::finder in(*file_);
    for (auto const& [w, layer] : places(base)) weights_[w.name].push_back(find(in, base.kind, sizes, alike, w, layer));
    in.check_rest({}, "the matrices that adapter_config.json names");
  }

  /// A new adapter, which changes nothing yet: A uniform within 1 / sqrt(in), as peft begins, B 0.
  static adapter initial(adapter_shape shape, hyperparameters const& base, unsigned seed) {
    adapter r;
    r.shape_ = std::move(shape);
    detail::adapter_sizes::check_rank("adapter", "rank (r)", r.shape_.rank, 2);
    detail::adapter_sizes::check_alpha("adapter", "lora_alpha", r.shape_.alpha);
    if (r.shape_.matrices.empty()) throw error("adapter", "matrices with adapters", "some", "none");
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

  /// A or B of one matrix, with the rank of all; B with its scale where those are not alike.
  detail::stored find(detail::finder& in, architecture kind, detail::adapter_sizes const& sizes, bool alike, weight_info const& w,
                      int layer) {
    auto const& joined = detail::joined_in_gpt2;
    auto const matrix = std::string_view(w.name).substr(0, w.name.rfind('.'));
    auto const part = std::ranges::find(joined, matrix);
    bool const is_a = w.name.ends_with('a'), is_part = kind == architecture::gpt2 && part != joined.end() && !is_a;
    auto const own = sizes.of(detail::module_path(kind, matrix, layer));
    auto const rows = std::size_t(is_a ? own.rank : w.rows), cols = std::size_t(is_a ? w.cols : own.rank);
    auto const name = detail::peft_name(kind, w.name, layer);
    auto const& t = in.find(name, {is_part ? rows * joined.size() : rows, cols});
    detail::check_finite(file_->path() + ": " + name, *t.format(), t.bytes);
    detail::stored s{*t.format(), t.bytes, {}, 0, w.rotated};
    auto const size = bytes_of(s.format, rows * cols);
    if (is_part) s.bytes = t.bytes.subspan(size * std::size_t(part - joined.begin()), size);
    double const factor = is_a || alike ? 1 : own.scale;
    if (own.rank == shape_.rank && factor == 1) return s;
    std::vector<float> small(rows * cols);
    decode(s.format, s.bytes, small);
    auto& whole = made_.emplace_back(std::size_t(w.rows) * std::size_t(w.cols));
    for (std::size_t i = 0; i < small.size(); ++i) {
      double const x = factor * double(small[i]);
      if (std::abs(x) > double(std::numeric_limits<float>::max()))
        throw error(file_->path() + ": " + name, fmt::format("value {} with its scale", i), "a number of f32",
                    fmt::format("{}", x));
      whole[i / cols * std::size_t(w.cols) + i % cols] = float(x);
    }
    s.format = dtype::f32, s.bytes = std::as_bytes(std::span(whole));
    return s;
  }

  std::vector<weight_place> places(hyperparameters base) const {
    base.adapter = shape_;
    auto all = places_of(base);
    std::erase_if(all, [](auto const& p) { return p.weight.name.find(".lora_") == std::string::npos; });
    return all;
  }
};

}  // namespace cria::llama2
