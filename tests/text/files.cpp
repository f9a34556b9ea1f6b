#include "cria/text/files.hpp"

#include <limits>
#include <tuple>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "support/paths.hpp"
#include "support/vocabularies.hpp"

using namespace cria;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Equals;
using test::raw;

namespace {

std::unique_ptr<text::tokenizer> open(std::string const& bytes) { return text::open_tokenizer(test::as_file(bytes)); }

void refuses(std::string const& bytes, std::string const& message) {
  REQUIRE_THROWS_WITH(open(bytes), Equals("file: " + message));
}

}  // namespace

TEST_CASE("one vocabulary in three formats encodes alike") {
  auto const pieces = test::small_pieces();
  auto const gguf = open(test::piece_gguf(pieces).str());
  for (auto const& bytes : {test::llama2c_vocabulary(pieces), test::sentencepiece_model(pieces)}) {
    auto const t = open(bytes);
    REQUIRE(t->size() == gguf->size());
    REQUIRE(std::array{t->bos(), t->eos()} == std::array{1, 2});
    REQUIRE(t->add_bos());
    REQUIRE(t->find_special("<s>") == 1);
    for (auto const* const given : {"banana", " a  b", "é<s>", "\n", "aaaaaaa"}) {
      REQUIRE(t->encode(given) == gguf->encode(given));
      REQUIRE(t->encode(given, true) == gguf->encode(given, true));
      REQUIRE(t->decode(t->encode(given)) == given);
    }
  }
}

TEST_CASE("what is no tokenizer is refused") {
  refuses(
      "",
      "not a tokenizer (expected GGUF, SentencePiece's or tiktoken's .model, tokenizer.json or llama2.c's tokenizer.bin, found "
      "something else)");
  refuses(
      "#!/bin/sh",
      "not a tokenizer (expected GGUF, SentencePiece's or tiktoken's .model, tokenizer.json or llama2.c's tokenizer.bin, found "
      "something else)");
  REQUIRE_THROWS_WITH(text::open_tokenizer(std::string("/nowhere/t.bin")),
                      ContainsSubstring("/nowhere/t.bin: cannot be opened"));
}

TEST_CASE("a GGUF vocabulary that lies is refused") {
  auto const pieces = test::small_pieces();
  auto const count = std::to_string(pieces.size());
  refuses(test::gguf_writer().str(), "missing key tokenizer.ggml.model");
  refuses(test::gguf_writer().string("tokenizer.ggml.model", "bert").str(),
          "tokenizer.ggml.model (expected llama or gpt2, found bert)");
  refuses(test::gguf_writer().string("tokenizer.ggml.model", "llama").str(), "missing key tokenizer.ggml.tokens");
  refuses(test::gguf_writer().string("tokenizer.ggml.model", "llama").strings("tokenizer.ggml.tokens", {"a"}).str(),
          "tokenizer.ggml.scores (expected 1 values, one per token, found 0)");
  auto const none = test::gguf_writer().string("tokenizer.ggml.model", "gpt2").string("tokenizer.ggml.pre", "gpt-2");
  refuses(test::gguf_writer(none).strings("tokenizer.ggml.tokens", {}).strings("tokenizer.ggml.merges", {}).str(),
          "vocabulary (expected tokens, found none)");
  refuses(test::gguf_writer(none).strings("tokenizer.ggml.tokens", {"a"}).str(), "missing key tokenizer.ggml.merges");
  refuses(test::byte_gguf("gpt-5").str(),
          "tokenizer.ggml.pre is not supported (expected gpt-2, smollm, llama-bpe, qwen2 or one of their kind, found "
          "gpt-5)");
  refuses(test::byte_gguf("gpt-2").u32("tokenizer.ggml.bos_token_id", 33).str(),
          "id of a special token (expected less than 33, found 33)");
  refuses(test::byte_gguf("gpt-2", {"a b", "ab"}).str(),
          "merge 1 (expected two tokens whose union is a token, found ab)");
  refuses(test::byte_gguf("gpt-2", {"b a"}).str(), "merge 0 (expected two tokens whose union is a token, found b a)");
  refuses(test::byte_gguf("gpt-2", {"a q"}).str(), "merge 0 (expected two tokens whose union is a token, found a q)");
  refuses(test::piece_gguf(pieces).boolean("tokenizer.ggml.remove_extra_whitespaces", true).str(),
          "normalisation of the text is not supported (expected none, found remove_extra_whitespaces or "
          "precompiled_charsmap)");
  auto wrong = pieces;
  wrong[7].kind = 9;
  refuses(test::piece_gguf(wrong).str(), "type of token 7 (expected 1 to 6, found 9)");
  wrong = pieces;
  wrong[7].text = "<0xG1>";
  refuses(test::piece_gguf(wrong).str(), "name of byte token 7 (expected <0x00> to <0xFF>, found <0xG1>)");
  wrong = pieces;
  wrong[260].score = std::numeric_limits<float>::quiet_NaN();
  refuses(test::piece_gguf(wrong).str(), "score of token 260 (expected a number, found NaN)");
  auto const none_at_all = open(test::piece_gguf(pieces).u32("tokenizer.ggml.eot_token_id", 0xffffffff).str());
  REQUIRE(none_at_all->eot() == -1);
  auto const no_bos = test::byte_gguf("gpt-2").u32("tokenizer.ggml.eos_token_id", 0xffffffff).str();
  REQUIRE(open(no_bos)->eos() == -1);
}

TEST_CASE("without ids SentencePiece's usual ones hold; a vocabulary without bos puts none in front") {
  auto const pieces = test::small_pieces();
  auto bytes = test::piece_gguf(pieces).str();
  for (auto const* const name : {"bos_token_id", "eos_token_id", "unknown_token_id"})
    bytes[bytes.find(name) + 1] = 'x';
  auto const t = open(bytes);
  REQUIRE(std::array{t->bos(), t->eos()} == std::array{1, 2});
  REQUIRE(t->add_bos());
  using test::field;
  auto const none = open(test::sentencepiece_model(pieces) + field(2, field(41, ~std::uint64_t{0})));
  REQUIRE(none->bos() == -1);
  REQUIRE_FALSE(none->add_bos());
}

TEST_CASE("a user-defined token named like a control token is one") {
  auto pieces = test::small_pieces();
  pieces.push_back({"<|im_start|>", 0, 4});
  auto const t = open(test::piece_gguf(pieces).str());
  REQUIRE(t->find_special("<|im_start|>") == 269);
  REQUIRE(t->encode("<|im_start|>").size() > 1);
}

TEST_CASE("Gemma's marks of turns are control tokens, and others that a user defined are not") {
  auto pieces = test::small_pieces();
  for (auto const* const name : {"<start_of_turn>", "<end_of_turn>", "<tool>"}) pieces.push_back({name, 0, 4});
  auto const t = open(test::sentencepiece_model(pieces));
  REQUIRE(t->find_special("<start_of_turn>") == 269);
  REQUIRE(t->find_special("<end_of_turn>") == 270);
  REQUIRE(t->find_special("<tool>") == -1);
}

TEST_CASE("tokenizer_config.json goes before what a SentencePiece model says of its special tokens") {
  test::temporary_folder const folder;
  auto pieces = test::small_pieces();
  pieces.push_back({"<|startoftext|>", 0, 3}), pieces.push_back({"<|im_end|>", 0, 4});
  folder.write("tokenizer.model", test::sentencepiece_model(pieces));
  auto const with = [&](std::string const& config) {
    folder.write("tokenizer_config.json", config);
    auto const t = text::open_tokenizer(folder.path().string());
    return std::tuple(t->bos(), t->eos(), t->add_bos());
  };
  REQUIRE(with("{}") == std::tuple(1, 2, true));
  REQUIRE(with(R"({"add_bos_token": false, "bos_token": "<|startoftext|>", "eos_token": {"content": "<|im_end|>"}})") ==
          std::tuple(269, 270, false));
  REQUIRE(with(R"({"add_bos_token": true, "bos_token": "<|nowhere|>", "eos_token": null})") == std::tuple(1, 2, true));
}

TEST_CASE("a llama2.c vocabulary that lies is refused") {
  auto const good = test::llama2c_vocabulary(test::small_pieces());
  REQUIRE_THROWS_WITH(open(good.substr(0, good.size() - 1)), ContainsSubstring("the file ends inside a piece"));
  REQUIRE_THROWS_WITH(open(good + "abc"), ContainsSubstring("the file ends inside a score"));
  refuses(raw(std::int32_t(5)) + raw(0.0f) + raw(std::int32_t(-1)), "length of piece 0 (expected 0 or more, found -1)");
  refuses(raw(std::int32_t(5)) + raw(0.0f) + raw(std::int32_t(1)) + "a",
          "vocabulary (expected unknown, bos and eos at least, found 1 pieces)");
}

TEST_CASE("a SentencePiece model that lies is refused") {
  using namespace test;
  auto const pieces = small_pieces();
  refuses(sentencepiece_model(pieces, 1), "type of the SentencePiece model (expected 2 (byte-pair encoding), found 1)");
  refuses(sentencepiece_model(pieces, 2, 1),
          "normalisation of the text is not supported (expected none, found removal of white space)");
  refuses(sentencepiece_model(pieces) + field(3, field(2, std::string("map"))),
          "normalisation of the text is not supported (expected none, found a table of characters)");
  refuses(sentencepiece_model(pieces) + field(2, field(24, 1)),
          "normalisation of the text is not supported (expected none, found blanks behind words)");
  refuses(sentencepiece_model(pieces) + field(2, field(41, 1000)),
          "id of a special token (expected less than 269, found 1000)");
  refuses("\x0a" + std::string(1, '\0') + "\x12" + std::string(1, '\0'),
          "type of the SentencePiece model (expected 2 (byte-pair encoding), found 1)");
  refuses(field(1, field(1, 7) + "xx"), "wire type of field 1 (expected 2, found 0)");
  refuses(field(1, std::string("\x0bxx")), "wire type of field 1 (expected 0, 1, 2 or 5, found 3)");
  refuses(field(1, field(3, 7)), "type of piece 0 (expected 1 to 6, found 7)");
  REQUIRE_THROWS_WITH(open("\x0a\x7f"
                           "abc"),
                      ContainsSubstring("the file ends inside a field"));
  REQUIRE_THROWS_WITH(open("\x0a" + std::string(12, '\xff')),
                      ContainsSubstring("a varint (expected at most 10 bytes, found more)"));
  auto const good = sentencepiece_model(pieces);
  for (std::size_t length = 4; length < good.size(); length += 7) {
    try {
      open(good.substr(0, length));
    } catch (error const&) {
    }
  }
}
