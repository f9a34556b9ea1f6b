#include "cria/text/byte_level.hpp"

#include <chrono>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "cria/text/files.hpp"
#include "support/paths.hpp"
#include "support/vocabularies.hpp"

using namespace cria;
using Catch::Matchers::EndsWith;
using list = std::vector<int>;

namespace {

std::unique_ptr<text::tokenizer> open(std::string const& bytes) { return text::open_tokenizer(test::as_file(bytes)); }

constexpr int blank = 26, ab = 27, blank_ab = 28, abc = 29, aa = 30, im_end = 31, tool = 32;

}  // namespace

TEST_CASE("bytes are written as GPT-2 writes them") {
  REQUIRE(text::byte_of_character(U'a') == 'a');
  REQUIRE(text::byte_of_character(U'Ġ') == ' ');
  REQUIRE(text::byte_of_character(U'Ċ') == '\n');
  REQUIRE(text::byte_of_character(U'Ń') == 0xad);
  REQUIRE_FALSE(text::byte_of_character(U' '));
  REQUIRE_FALSE(text::byte_of_character(0x144));
  bool seen[256] = {};
  for (char32_t c = 0; c < 0x200; ++c)
    if (auto const b = text::byte_of_character(c)) REQUIRE_FALSE(std::exchange(seen[*b], true));
  for (bool const s : seen) REQUIRE(s);
  REQUIRE(text::bytes_of_token("Ġhi") == " hi");
  REQUIRE_FALSE(text::bytes_of_token("a b"));
}

TEST_CASE("merges go by their order in the file, and from the left") {
  auto const t = open(test::byte_gguf("gpt-2").str());
  REQUIRE(t->encode("ab abc") == list{ab, blank_ab, 2});  // "Ġ ab" stands before "ab c"
  REQUIRE(t->encode("abc") == list{abc});
  REQUIRE(t->encode("aaab") == list{aa, ab});
  REQUIRE(t->encode("aaa") == list{aa, 0});
  REQUIRE(t->encode(" a") == list{blank, 0});
  REQUIRE(t->encode("").empty());
  REQUIRE_THROWS_WITH(t->encode("a\n"), EndsWith("no token of this vocabulary stands for byte 0x0A"));
}

TEST_CASE("a word that is a token stays whole only under Llama 3's rule") {
  auto const make = [&](std::string const& rule) {
    auto w = test::byte_gguf(rule, {"a a"});
    return open(w.str());
  };
  REQUIRE(make("gpt-2")->encode("abc") == list{0, 1, 2});
  REQUIRE(make("smaug-bpe")->encode("abc") == list{0, 1, 2});
  REQUIRE_THROWS_WITH(make("llama-bpe"),
                      EndsWith("bos token (expected an id, because prompts begin with it, found none)"));
  auto const t = open(test::byte_gguf("llama-bpe", {"a a"}).boolean("tokenizer.ggml.add_bos_token", false).str());
  REQUIRE(t->encode("abc aa") == list{abc, blank, aa});
}

TEST_CASE("special tokens are found where asked for, user-defined ones always") {
  auto const t = open(test::byte_gguf("gpt-2").str());
  REQUIRE(t->eot() == im_end);
  REQUIRE(t->encode("a<tool>b<|im_end|>", true) == list{0, tool, 1, im_end});
  REQUIRE_THROWS_AS(t->encode("<|im_end|>"), error);  // '<' is no token here
  REQUIRE(t->decode(list{0, im_end, tool}) == "a<tool>");
  REQUIRE(t->decode(list{0, im_end, tool}, true) == "a<|im_end|><tool>");
  REQUIRE(t->find_special("<tool>") == -1);
  REQUIRE(t->find_special("<|im_end|>") == im_end);
}

TEST_CASE("a long word of bytes is encoded in time") {
  auto const t = open(test::byte_gguf("gpt-2").str());
  auto const start = std::chrono::steady_clock::now();
  REQUIRE(t->encode(std::string(1 << 20, 'a')).size() == 1 << 19);
  REQUIRE(t->encode(std::string(1 << 20, ' ')).size() == 1 << 20);
  REQUIRE(std::chrono::steady_clock::now() - start < std::chrono::seconds(60));
}
