// main MODEL TOKENIZER: the story that stories260K tells with the likeliest tokens begins as llama2.c's program tells it.
#include <algorithm>
#include <iostream>

#include "cria/text.hpp"
#include "model.hpp"

int main(int, char** argv) {
  Kokkos::ScopeGuard const kokkos;
  auto const file = cria::llama2::checkpoint::open(argv[1]);
  auto const tokenizer = cria::text::open_tokenizer(argv[2]);
  auto const read = [&](std::string_view name, int layer) { return file.read(name, layer); };
  Session model(Kokkos::DefaultExecutionSpace(), {.room = 64, .rows = 1}, read, [](auto...) {});
  std::vector<int> story{tokenizer->bos()};
  for (int position = 0; position < 40; ++position) {
    int const sequence = 0;
    model.set_rows({&story.back(), 1}, {&sequence, 1}, {&position, 1});
    auto const logits = model.run(0, 1);
    story.push_back(int(std::max_element(logits.begin(), logits.end()) - logits.begin()));
  }
  std::string const text = tokenizer->decode(story);
  std::cout << text << '\n';
  return text.starts_with("Once upon a time, there was a little girl named Lily. She loved to play outside in the park.") ? 0 : 1;
}
