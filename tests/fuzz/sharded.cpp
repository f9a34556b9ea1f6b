// safetensors in several files: an index, and two files that it may name "a" and "b". The input is two lengths (16
// bits), that much of the index and of a, the rest.
#include "cria/io/safetensors.hpp"
#include "fuzz.hpp"

using namespace cria;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const parts = fuzz::split<3>(data, size);
  if (!parts) return 0;
  auto const index = (*parts)[0], a = (*parts)[1], b = (*parts)[2];
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
