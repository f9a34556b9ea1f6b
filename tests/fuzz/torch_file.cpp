// torch.save's archives: any bytes, alone and as the two parts of a Llama. The input is a length (16 bits), that much
// of one file, the rest. What passes is read.
#include "cria/io/consolidated.hpp"
#include "fuzz.hpp"

using namespace cria;

namespace {

std::size_t sum(std::span<std::byte const> bytes) {
  std::size_t total = 0;
  for (auto const b : bytes) total += std::size_t(b);
  return total;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const parts = fuzz::split<2>(data, size);
  if (!parts) return 0;
  auto const first = (*parts)[0], second = (*parts)[1];
  std::size_t total = 0;
  fuzz::refusing([&] {
    io::torch_file const file(fuzz::as_file(first));
    for (auto const& t : file.tensors()) total += sum(t.bytes);
  });
  fuzz::refusing([&] {
    std::vector<io::torch_file> files;
    files.emplace_back(fuzz::as_file(first)), files.emplace_back(fuzz::as_file(second));
    io::consolidated const file(std::move(files), 4);
    std::vector<std::byte> room;
    for (auto const& t : file.tensors()) {
      std::size_t bytes = 0;
      for (std::uint64_t r = 0; r < t.rows(); ++r) bytes += t.row(r, room).size(), total += sum(t.row(r, room));
      std::size_t parts = 0;
      for (auto const part : t.parts) parts += part.size();
      fuzz::require(bytes == parts);
    }
  });
  fuzz::require(total < ~std::size_t{0});
  return 0;
}
