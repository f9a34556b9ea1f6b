// Shards of tokens: any bytes, with their checksums set right where the first byte says so, and all documents of those
// that pass.
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "cria/train/data/shard.hpp"
#include "fuzz.hpp"

using namespace cria;

namespace {

/// Sets the table's checksum and that of the ends, wherever the trailer says that the table is.
void set_checksums(std::string& bytes) {
  train::detail::shard_head head;
  train::detail::shard_trailer end;
  if (bytes.size() < sizeof head + sizeof end) return;
  auto const trailer = bytes.size() - sizeof end;
  std::memcpy(&head, bytes.data(), sizeof head);
  std::memcpy(&end, bytes.data() + trailer, sizeof end);
  auto const table = end.documents > trailer / 16 ? 0 : std::size_t(end.documents) * 16;
  end.table_checksum = io::checksum_of(std::as_bytes(std::span(bytes)).subspan(trailer - table, table));
  end.checksum = train::detail::checksum_of(head, end);
  std::memcpy(bytes.data() + trailer, &end, sizeof end);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size == 0) return 0;
  std::string bytes(fuzz::as_text(data + 1, size - 1));
  if (data[0] % 2 == 1) set_checksums(bytes);
  static int const file = ::memfd_create("shard", 0);
  fuzz::require(::ftruncate(file, 0) == 0 && ::pwrite(file, bytes.data(), bytes.size(), 0) == ssize_t(bytes.size()));
  fuzz::refusing([&] {
    train::shard const s("/proc/self/fd/" + std::to_string(file));
    auto const table = s.table();
    fuzz::require(table.size() == s.facts().documents && s.facts().bytes == bytes.size());
    for (std::size_t i = 0; i < table.size(); ++i) {
      auto const next = i + 1 < table.size() ? table[i + 1].begin : s.facts().tokens;
      fuzz::require(table[i].begin < next && next - table[i].begin <= bytes.size());
      std::vector<int> tokens(next - table[i].begin);
      s.read_tokens(table[i].begin, tokens);
    }
  });
  return 0;
}
