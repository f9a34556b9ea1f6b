// tokens TOKENIZER: a text comes back.
#include <iostream>

#include "cria/text.hpp"

int main(int, char** argv) {
  auto const tokenizer = cria::text::open_tokenizer(argv[1]);
  auto const ids = tokenizer->encode("Once upon a time");
  std::cout << ids.size() << " tokens\n";
  return ids.size() < 16 && tokenizer->decode(ids) == "Once upon a time" ? 0 : 1;
}
