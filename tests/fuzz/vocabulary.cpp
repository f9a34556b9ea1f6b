// Vocabularies of SentencePiece and llama2.c: any bytes, and a text with those that pass.
#include "cria/text/files.hpp"
#include "fuzz.hpp"

using namespace cria;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const bytes = fuzz::as_text(data, size);
  fuzz::refusing(
      [&] { fuzz::use(*text::open_tokenizer(fuzz::as_file(bytes)), "a banana's <s> \xe2\x96\x81 \xff 12"); });
  return 0;
}
