// GGUF: any bytes, as metadata, as a checkpoint whose every weight is read, and as a vocabulary.
#include "cria/model/checkpoint.hpp"
#include "cria/text/files.hpp"
#include "fuzz.hpp"

using namespace cria;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const bytes = fuzz::as_text(data, size);
  fuzz::refusing([&] {
    io::gguf const file(fuzz::as_file(bytes));
    for (auto const key : file.keys()) describe(*file.find(key));
  });
  fuzz::refusing([&] {
    llama2::checkpoint const file(io::gguf(fuzz::as_file(bytes)));
    for (auto const& w : file.weights()) file.read(w.name), file.release(w.name);
  });
  fuzz::refusing([&] { fuzz::use(*text::open_tokenizer(fuzz::as_file(bytes)), "a banana's <|im_end|> \xff 12"); });
  return 0;
}
