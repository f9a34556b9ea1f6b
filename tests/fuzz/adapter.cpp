// Adapters: any bytes as adapter_config.json and adapter_model.safetensors, for a small model. The input is a length (16
// bits), that much of the config, the rest.
#include <cstring>

#include "cria/model/checkpoint.hpp"
#include "fuzz.hpp"

using namespace cria;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size < 2) return 0;
  std::uint16_t length = 0;
  std::memcpy(&length, data, 2);
  auto const rest = fuzz::as_text(data + 2, size - 2);
  auto const config = rest.substr(0, length), bytes = rest.substr(config.size());
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
