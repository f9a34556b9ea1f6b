// Adapters: any bytes as adapter_config.json and adapter_model.safetensors, for a small model. The input is a length (16
// bits), that much of the config, the rest.
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
  fuzz::refusing([&] {
    llama2::adapter const a(fuzz::as_file(config), fuzz::as_file(bytes), model);
    model.adapter = a.shape();
    a.check_fits(llama2::weights_of(model), 1);
    for (auto const& m : a.shape().matrices)
      fuzz::require(a.weights().contains(m + ".lora_a") && a.weights().contains(m + ".lora_b"));
  });
  return 0;
}
