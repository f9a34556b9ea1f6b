#pragma once
// What becomes of a trained adapter: merged into its model's weights, or written apart, as peft reads it.
#include "cria/model/export.hpp"

namespace cria::llama2 {

/// The weights of a model whose adapter is merged, W + alpha / rank B A: `source`, which must stay, gives both those of
/// the model and the adapter's. To be written with the shape `without_adapter(h)`.
class merged final : public weight_source {
 public:
  merged(hyperparameters h, weight_source const& source) : h_(std::move(h)), source_(source) {}

  void read_rows(weight_info const& w, int layer, int first, int count, std::span<float> to) const override {
    source_.read_rows(w, layer, first, count, to);
    if (!h_.adapter.has(w.name)) return;
    auto const rank = std::size_t(h_.adapter.rank), cols = std::size_t(w.cols), rows = std::size_t(count);
    std::vector<float> a(rank * cols), b(rows * rank);
    source_.read_rows(a_of(w), layer, 0, int(rank), a), source_.read_rows(b_of(w), layer, first, count, b);
    double const scale = double(h_.adapter.alpha) / double(rank);
    std::vector<double> update(cols);
    for (std::size_t r = 0; r < rows; ++r) {
      std::ranges::fill(update, 0.0);
      for (std::size_t k = 0; k < rank; ++k)
        for (std::size_t c = 0; c < cols; ++c) update[c] += double(b[r * rank + k]) * double(a[k * cols + c]);
      for (std::size_t c = 0; c < cols; ++c) to[r * cols + c] = float(double(to[r * cols + c]) + scale * update[c]);
    }
  }
  detail::stored const* in_file(weight_info const& w, int layer) const override {
    return h_.adapter.has(w.name) ? nullptr : source_.in_file(w, layer);
  }
  void release(weight_info const& w, int layer) const override {
    source_.release(w, layer);
    if (h_.adapter.has(w.name)) source_.release(a_of(w), layer), source_.release(b_of(w), layer);
  }

 private:
  hyperparameters h_;
  weight_source const& source_;

  weight_info a_of(weight_info const& w) const { return {w.name + ".lora_a", h_.adapter.rank, w.cols}; }
  weight_info b_of(weight_info const& w) const { return {w.name + ".lora_b", w.rows, h_.adapter.rank, false, w.rotated}; }
};

inline hyperparameters without_adapter(hyperparameters h) {
  h.adapter = {};
  return h;
}

namespace detail {

/// Of GPT-2's q, k and v, which are one matrix in files, those that an adapter has. Trained apart they are an adapter of that
/// matrix, too: their As one below the other, and their Bs along a diagonal.
class joined_adapters {
 public:
  explicit joined_adapters(hyperparameters const& h) {
    for (std::size_t i = 0; h.kind == architecture::gpt2 && i < joined_in_gpt2.size(); ++i)
      if (h.adapter.has(joined_in_gpt2[i])) parts_.push_back(i);
  }
  int count() const { return int(parts_.size()); }
  /// Whether "wk.lora_a" is one of them, and whether it is the first.
  bool has(std::string_view name) const { return position(name) < parts_.size(); }
  bool begins_with(std::string_view name) const { return position(name) == 0 && !parts_.empty(); }

  /// The shape of A or B of all, from that of one.
  std::vector<std::uint64_t> extents(weight_info const& w) const {
    auto const n = std::uint64_t(count()), rows = std::uint64_t(w.rows), cols = std::uint64_t(w.cols);
    return w.name.ends_with('a') ? std::vector{n * rows, cols} : std::vector{3 * rows, n * cols};
  }
  /// A or B of all, in place of the first's `w`.
  std::vector<float> values(weight_source const& source, weight_info w, int layer) const {
    bool const is_a = w.name.ends_with('a');
    auto const rows = std::size_t(w.rows), cols = std::size_t(w.cols), n = parts_.size();
    std::vector<float> all((is_a ? n : 3 * n) * rows * cols);
    for (std::size_t i = 0; i < n; ++i) {
      w.name.replace(0, 2, joined_in_gpt2[parts_[i]]);
      auto const own = source.values(w, layer);
      auto const first = is_a ? i * rows * cols : (parts_[i] * rows * n + i) * cols;
      for (std::size_t k = 0; k < own.size(); ++k) all[first + (is_a ? k : k / cols * n * cols + k % cols)] = own[k];
    }
    return all;
  }

 private:
  std::vector<std::size_t> parts_;

  std::size_t position(std::string_view name) const {
    auto const found = std::ranges::find_if(
        parts_, [&](std::size_t i) { return name.substr(0, name.find('.')) == joined_in_gpt2[i]; });
    return std::size_t(found - parts_.begin());
  }
};

}  // namespace detail

/// adapter_config.json, for peft 0.5 and later.
inline io::json peft_config(hyperparameters const& h, std::string_view base_model) {
  bool const gpt2 = h.kind == architecture::gpt2;
  int const joined = detail::joined_adapters(h).count();
  std::vector<std::string> targets;
  io::json ranks = io::json::object(), alphas = ranks;
  for (auto const& m : h.adapter.matrices) {
    auto module = std::string(detail::module_of(h.kind, m));
    if (!gpt2) module.erase(0, module.rfind('.') + 1);  // GPT-2 has two c_proj
    if (std::ranges::find(targets, module) == targets.end()) targets.push_back(module);
  }
  if (joined > 1) ranks["attn.c_attn"] = joined * h.adapter.rank, alphas["attn.c_attn"] = joined * h.adapter.alpha;
  return {{"peft_type", "LORA"},
          {"task_type", "CAUSAL_LM"},
          {"base_model_name_or_path", base_model},
          {"r", h.adapter.rank},
          {"lora_alpha", h.adapter.alpha},
          {"lora_dropout", 0.0},
          {"target_modules", targets},
          {"bias", "none"},
          {"fan_in_fan_out", gpt2},
          {"init_lora_weights", true},
          {"inference_mode", true},
          {"modules_to_save", nullptr},
          {"layers_to_transform", nullptr},
          {"rank_pattern", ranks},
          {"alpha_pattern", alphas},
          {"use_dora", false},
          {"use_rslora", false}};
}

/// Makes `folder`, which must not be there: peft's two files with the adapter of `h`, in `format`: f32, f16 or bf16. Whole
/// or not at all.
inline void write_adapter(std::filesystem::path const& folder, hyperparameters const& h, dtype format,
                          weight_source const& source, std::string_view base_model) {
  if (h.adapter.rank == 0) throw error(folder.string(), "cannot be written", "a model with an adapter", "one without");
  detail::joined_adapters const joined(h);
  if (joined.count() > 1)
    detail::adapter_sizes::check_rank(folder.string(), "rank of q, k and v together", joined.count() * h.adapter.rank,
                                      1);
  std::vector<io::safetensor_plan> plan;
  auto places = places_of(h);
  std::erase_if(places, [&](auto const& p) {
    auto const& name = p.weight.name;
    return name.find(".lora_") == std::string::npos || (joined.has(name) && !joined.begins_with(name));
  });
  for (auto const& [w, layer] : places)
    plan.push_back({detail::peft_name(h.kind, w.name, layer), format,
                    joined.has(w.name) ? joined.extents(w) : detail::extents_of(w)});
  io::atomic_folder made(folder);
  io::write_file((made.temporary() / "adapter_config.json").string(), peft_config(h, base_model).dump(2) + '\n');
  io::write_safetensors((made.temporary() / "adapter_model.safetensors").string(), plan, [&](std::size_t i, io::tensor_sink& to) {
    auto const& [w, layer] = places[i];
    if (joined.has(w.name)) to.values(joined.values(source, w, layer));
    else to.values(reordered(row_order::hugging_face, h, w, source.values(w, layer)));
  });
  made.commit();
}

}  // namespace cria::llama2
