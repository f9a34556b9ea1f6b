// safetensors: any bytes, alone and beside a config.json. The input is a length (16 bits), that much of config.json,
// the rest.
#include <algorithm>
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
