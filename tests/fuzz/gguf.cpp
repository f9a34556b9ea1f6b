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
    for (std::size_t i = 0; i < llama2::weight_names.size(); ++i)
      file.read(llama2::weight_name(i)), file.release(llama2::weight_name(i));
  });
  fuzz::refusing([&] { fuzz::use(*text::open_tokenizer(fuzz::as_file(bytes)), "a banana's <|im_end|> \xff 12"); });
  return 0;
}
