// safetensors in several files: an index, and two files that it may name "a" and "b". The input is two lengths (16
// bits), that much of the index and of a, the rest.
#include <cstring>

#include "cria/io/safetensors.hpp"
#include "fuzz.hpp"

using namespace cria;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size < 4) return 0;
  std::uint16_t lengths[2];
  std::memcpy(lengths, data, 4);
  auto const rest = fuzz::as_text(data + 4, size - 4);
  auto const index = rest.substr(0, lengths[0]), a = rest.substr(index.size()).substr(0, lengths[1]),
             b = rest.substr(index.size() + a.size());
  fuzz::refusing([&] {
    io::safetensors const file(fuzz::as_file(index), [&](std::string const& name) -> io::mapped_file {
      fuzz::require(name.find('/') == std::string::npos && name != ".." && !name.empty());
      if (name != "a" && name != "b") throw error(name, "cannot be opened");
      return fuzz::as_file(name == "a" ? a : b);
    });
    for (auto const& t : file.tensors()) fuzz::require(file.tensor(t.name) == &t);
  });
  return 0;
}
