// main MODEL TOKENIZER: the sentence that stories260K goes on with, by the likeliest tokens, is what llama2.c's program writes.
#include <iostream>

#include "cria/infer.hpp"
#include "cria/model/checkpoint.hpp"
#include "cria/text.hpp"

int main(int, char** argv) {
  using namespace cria;
  auto const file = llama2::checkpoint::open(argv[1]);
  auto const tokenizer = text::open_tokenizer(argv[2]);
  auto const engine = infer::open_engine(file, {.room = 64});
  infer::sampler likeliest(infer::sampling{});
  auto prompt = tokenizer->encode("Once upon a time");
  prompt.insert(prompt.begin(), tokenizer->bos());
  auto const story = tokenizer->decode(infer::batch(*engine).run(prompt, likeliest, {.max_tokens = 20}).tokens);
  std::cout << story << '\n';
  return story.starts_with(", there was a little girl named Lily.") ? 0 : 1;
}
