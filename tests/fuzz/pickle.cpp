// The machine that reads pickles: any bytes.
#include "cria/io/pickle.hpp"
#include "fuzz.hpp"

using namespace cria;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const bytes = fuzz::as_text(data, size);
  fuzz::refusing([&] {
    for (auto const& t : io::unpickler::tensors("pickle", std::as_bytes(std::span(bytes))))
      fuzz::require(t.name.size() <= size && !t.type.empty() && t.shape.size() <= 8);
  });
  return 0;
}
