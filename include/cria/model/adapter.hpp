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

/// adapter_config.json, for peft 0.5 and later.
inline io::json peft_config(hyperparameters const& h, std::string_view base_model) {
  io::json targets = io::json::array();
  for (auto const& m : h.adapter.matrices) {
    auto const module = detail::module_of(h.kind, m);
    targets.push_back(module.substr(module.rfind('.') + 1));
  }
  return {{"peft_type", "LORA"},
          {"task_type", "CAUSAL_LM"},
          {"base_model_name_or_path", base_model},
          {"r", h.adapter.rank},
          {"lora_alpha", h.adapter.alpha},
          {"lora_dropout", 0.0},
          {"target_modules", targets},
          {"bias", "none"},
          {"fan_in_fan_out", false},
          {"init_lora_weights", true},
          {"inference_mode", true},
          {"modules_to_save", nullptr},
          {"layers_to_transform", nullptr},
          {"rank_pattern", io::json::object()},
          {"alpha_pattern", io::json::object()},
          {"use_dora", false},
          {"use_rslora", false}};
}

/// Makes `folder`, which must not be there: peft's two files with the adapter of `h`, in `format`: f32, f16 or bf16. Whole
/// or not at all. Throws cria::error for GPT-2's: those of q, k and v, trained apart, are none of c_attn.
inline void write_adapter(std::filesystem::path const& folder, hyperparameters const& h, dtype format,
                          weight_source const& source, std::string_view base_model) {
  if (h.adapter.rank == 0) throw error(folder.string(), "cannot be written", "a model with an adapter", "one without");
  if (h.kind == architecture::gpt2)
    throw error(folder.string(), "cannot be written", "an adapter of a model whose q, k and v are apart", "gpt2's");
  std::vector<io::safetensor_plan> plan;
  auto places = places_of(h);
  std::erase_if(places, [](auto const& p) { return p.weight.name.find(".lora_") == std::string::npos; });
  for (auto const& [w, layer] : places) plan.push_back({detail::peft_name(h.kind, w.name, layer), format, detail::extents_of(w)});
  io::atomic_folder made(folder);
  io::write_file((made.temporary() / "adapter_config.json").string(), peft_config(h, base_model).dump(2) + '\n');
  io::write_safetensors((made.temporary() / "adapter_model.safetensors").string(), plan, [&](std::size_t i, io::tensor_sink& to) {
    auto const& [w, layer] = places[i];
    to.values(reordered(row_order::hugging_face, h, w, source.values(w, layer)));
  });
  made.commit();
}

}  // namespace cria::llama2
