// safetensors: any bytes, alone and beside a config.json. The input is a length (16 bits), that much of config.json,
// the rest.
#include <algorithm>

#include "cria/model/checkpoint.hpp"
#include "fuzz.hpp"

using namespace cria;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const parts = fuzz::split<2>(data, size);
  if (!parts) return 0;
  auto const config = (*parts)[0], bytes = (*parts)[1];
  fuzz::refusing([&] {
    io::safetensors const file(fuzz::as_file(bytes));
    for (auto const& t : file.tensors())
      if (t.type == "F32") file.values<float>(t.name);
  });
  fuzz::refusing([&] {
    llama2::checkpoint const file(io::safetensors(fuzz::as_file(bytes)), fuzz::as_file(config));
    for (auto const& w : file.weights()) file.read(w.name);
  });
  return 0;
}
