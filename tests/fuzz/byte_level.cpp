// The byte-level tokenizer: any text, by each rule for words, with a vocabulary of all bytes and some merges.
#include <memory>
#include <vector>

#include "cria/text/byte_level.hpp"
#include "fuzz.hpp"

using namespace cria;

namespace {

std::unique_ptr<text::tokenizer> make(std::string_view rule) {
  text::vocabulary v;
  for (char32_t c = 0; c < 0x144; ++c) {  // each byte as GPT-2 writes it
    if (!text::byte_of_character(c)) continue;
    std::string written;
    if (c >= 0x80)
      written += char(0xc0 | c >> 6), written += char(0x80 | (c & 0x3f));
    else
      written += char(c);
    v.tokens.push_back({.text = written});
  }
  std::vector<std::string_view> const merges{"t h", "Ġ th", "a a", "aa aa", "Ġ Ġ", "Ċ Ċ", "1 2"};
  for (auto const merge : merges) v.tokens.push_back({.text = std::string(merge).erase(merge.find(' '), 1)});
  v.tokens.push_back({.text = "<|im_end|>", .kind = text::token_kind::control});
  v.tokens.push_back({.text = "<tool>", .kind = text::token_kind::user_defined});
  return std::make_unique<text::byte_level>(std::move(v), merges, text::word_rule_of(rule).value(), "vocabulary");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  static auto const gpt2 = make("gpt-2"), smollm = make("smollm"), llama3 = make("llama-bpe"), qwen2 = make("qwen2");
  for (auto const* const t : {gpt2.get(), smollm.get(), llama3.get(), qwen2.get()})
    fuzz::round_trip(*t, fuzz::as_text(data, size));
  return 0;
}
