// Adapters: any bytes as adapter_config.json and adapter_model.safetensors, for a small Llama and a small GPT-2. The input is a
// length (16 bits), that much of the config, the rest.
#include <algorithm>
#include <cmath>

#include "cria/model/checkpoint.hpp"
#include "fuzz.hpp"

using namespace cria;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const parts = fuzz::split<2>(data, size);
  if (!parts) return 0;
  auto const config = (*parts)[0], bytes = (*parts)[1];
  llama2::hyperparameters model;
  model.embed = 4, model.layers = model.kv_heads = 1, model.heads = model.head_dim = 2, model.hidden = 2,
  model.vocabulary = 3, model.context = 8;
  auto const open = [&] {
    llama2::adapter const a(fuzz::as_file(config), fuzz::as_file(bytes), model);
    model.adapter = a.shape();
    auto const all = llama2::weights_of(model);
    a.check_fits(all, 1);
    for (auto const& m : a.shape().matrices)
      for (auto const& name : {m + ".lora_a", m + ".lora_b"}) {
        auto const& w = *std::ranges::find(all, name, &llama2::weight_info::name);
        std::vector<float> values(std::size_t(w.rows) * std::size_t(w.cols));
        llama2::detail::read_rows(a.weights().at(name).at(0), w, 2, 0, w.rows, values);
        fuzz::require(std::ranges::all_of(values, [](float x) { return std::isfinite(x); }));
      }
  };
  fuzz::refusing(open);
  model.kind = llama2::architecture::gpt2, model.kv_heads = 2, model.learned_positions = true, model.adapter = {};
  model.feed_forward = llama2::feed_forward_form::gelu_mlp;
  fuzz::refusing(open);
  return 0;
}
