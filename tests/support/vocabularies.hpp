#pragma once
// Small vocabularies in every file format.
#include <string>
#include <vector>

#include "support/files.hpp"

namespace cria::test {

struct piece {
  std::string text;
  float score = 0;
  int kind = 1;
};

/// <unk>, <s>, </s>, the 256 bytes, and behind them (id 259 and on) letters and words in SentencePiece's spelling.
inline std::vector<piece> small_pieces() {
  std::vector<piece> all{{"<unk>", 0, 2}, {"<s>", 0, 3}, {"</s>", 0, 3}};
  constexpr char digits[] = "0123456789ABCDEF";
  for (int b = 0; b < 256; ++b) all.push_back({std::string("<0x") + digits[b / 16] + digits[b % 16] + ">", 0, 6});
  float score = 0;
  for (auto const* const text : {"▁a", "an", "▁an", "ana", "aa", "▁b", "▁", "a", "b", "n"})
    all.push_back({text, score -= 1, 1});
  return all;
}

inline gguf_writer piece_gguf(std::vector<piece> const& pieces) {
  std::vector<std::string> texts;
  std::string scores, kinds;
  for (auto const& p : pieces) texts.push_back(p.text), scores += raw(p.score), kinds += raw(std::int32_t(p.kind));
  gguf_writer w;
  w.string("tokenizer.ggml.model", "llama").strings("tokenizer.ggml.tokens", texts);
  w.array("tokenizer.ggml.scores", 6, texts.size(), scores).array("tokenizer.ggml.token_type", 5, texts.size(), kinds);
  w.u32("tokenizer.ggml.bos_token_id", 1)
      .u32("tokenizer.ggml.eos_token_id", 2)
      .u32("tokenizer.ggml.unknown_token_id", 0);
  return w;
}

/// llama2.c's tokenizer.bin, which has blanks where SentencePiece has U+2581.
inline std::string llama2c_vocabulary(std::vector<piece> const& pieces) {
  std::string out = raw(std::int32_t(8));
  for (auto p : pieces) {
    for (std::size_t at; (at = p.text.find("▁")) != std::string::npos;) p.text.replace(at, 3, " ");
    out += raw(p.score) + raw(std::int32_t(p.text.size())) + p.text;
  }
  return out;
}

/// A field of a protocol buffer: a number, or bytes.
inline std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += char(value | 0x80);
  return out += char(value);
}
inline std::string field(int number, std::uint64_t value) { return varint(std::uint64_t(number) << 3) + varint(value); }
inline std::string field(int number, std::string const& bytes) {
  return varint(std::uint64_t(number) << 3 | 2) + varint(bytes.size()) + bytes;
}

/// SentencePiece's .model.
inline std::string sentencepiece_model(std::vector<piece> const& pieces, std::uint64_t type = 2,
                                       std::uint64_t remove_white_space = 0) {
  std::string out;
  for (auto const& p : pieces)
    out += field(1, field(1, p.text) + varint(2 << 3 | 5) + raw(p.score) + field(3, std::uint64_t(p.kind)));
  out += field(
      2, field(3, type) + field(40, std::uint64_t(0)) + field(41, 1) + field(42, 2) + field(43, ~std::uint64_t{0}));
  return out + field(3, field(1, std::string("identity")) + field(4, remove_white_space));
}

/// A byte-level vocabulary: a to z, a blank, some merges, <|im_end|> (control) and <tool> (user-defined), the last two.
inline gguf_writer byte_gguf(std::string const& rule,
                             std::vector<std::string> const& merges = {"a b", "Ġ ab", "ab c", "a a"}) {
  std::vector<std::string> texts;
  for (char c = 'a'; c <= 'z'; ++c) texts.emplace_back(1, c);
  for (auto const* const text : {"Ġ", "ab", "Ġab", "abc", "aa", "<|im_end|>", "<tool>"}) texts.emplace_back(text);
  std::string kinds;
  for (std::size_t i = 0; i < texts.size(); ++i)
    kinds += raw(std::int32_t(i + 2 == texts.size() ? 3 : i + 1 == texts.size() ? 4 : 1));
  gguf_writer w;
  w.string("tokenizer.ggml.model", "gpt2").string("tokenizer.ggml.pre", rule).strings("tokenizer.ggml.tokens", texts);
  w.array("tokenizer.ggml.token_type", 5, texts.size(), kinds).strings("tokenizer.ggml.merges", merges);
  return w;
}

}  // namespace cria::test
