// llama2.c's checkpoints: any bytes, and every weight of those that pass.
#include "cria/model/checkpoint.hpp"
#include "fuzz.hpp"

using namespace cria;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const bytes = fuzz::as_text(data, size);
  io::llama2c::recognises(std::as_bytes(std::span(bytes)));
  fuzz::refusing([&] {
    llama2::checkpoint const file(io::llama2c(fuzz::as_file(bytes)));
    for (auto const& w : file.weights()) file.read(w.name);
  });
  return 0;
}
