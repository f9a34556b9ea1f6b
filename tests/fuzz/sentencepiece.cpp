// The SentencePiece tokenizer: any text, with a small vocabulary.
#include "cria/text/files.hpp"
#include "fuzz.hpp"
#include "support/vocabularies.hpp"

using namespace cria;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  static std::string const vocabulary = test::piece_gguf(test::small_pieces()).str();
  static auto const t = text::open_tokenizer(fuzz::as_file(vocabulary));
  auto const given = fuzz::as_text(data, size);
  fuzz::use(*t, given);
  bool const written_as_blank = given.find("\xe2\x96\x81") != std::string_view::npos;
  if (!written_as_blank) fuzz::require(t->decode(t->encode(given)) == given);
  text::utf8_stream stream;
  std::string whole;
  for (std::size_t at = 0; at < size; at += 3) whole += stream.put(given.substr(at, 3));
  whole += stream.finish();
  fuzz::require(whole == text::well_formed(given) && !text::first_malformed(whole));
  fuzz::require(text::first_malformed(given).has_value() == (whole != given));
  return 0;
}
