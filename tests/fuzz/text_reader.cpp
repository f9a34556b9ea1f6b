// Texts cut into documents: whatever the bytes, the pieces and the separators between them are the text.
#include <sys/mman.h>
#include <unistd.h>

#include "cria/train/data/text_files.hpp"
#include "fuzz.hpp"

using namespace cria;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size < 2) return 0;
  std::size_t const separator = data[0] % 4, most = 4 + data[1] % 64;
  auto text = fuzz::as_text(data + 2, size - 2);
  if (text.size() < separator) return 0;
  train::text_format const format{.separator = std::string(text.substr(0, separator)), .document_bytes = most};
  static int const file = ::memfd_create("text", 0);
  fuzz::require(::ftruncate(file, 0) == 0 && ::pwrite(file, text.data(), text.size(), 0) == ssize_t(text.size()));
  train::text_reader reader({"/proc/self/fd/" + std::to_string(file), text.size()}, format);
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  auto const left_out = size - 2 - text.size();
  std::string all;
  train::text_record record;
  while (reader.next(record)) {
    fuzz::require(record.at == left_out + all.size());
    fuzz::require(separator > 0 ? record.text.find(format.separator) == std::string::npos : record.text.size() <= most);
    all += record.text;
    if (separator > 0 && text.substr(all.size()).starts_with(format.separator)) all += format.separator;
    fuzz::require(reader.position() == left_out + all.size());
  }
  fuzz::require(all == text);
  return 0;
}
