#include "cria/text/words.hpp"

#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

using namespace cria::text;
using list = std::vector<std::string>;

namespace {

list words(std::string_view rule, std::string_view text) {
  list out;
  for_each_word(text, word_rule_of(rule).value(), [&](std::string_view word) { out.emplace_back(word); });
  return out;
}

}  // namespace

TEST_CASE("GPT-2's expression") {
  REQUIRE(words("gpt-2", "").empty());
  REQUIRE(words("gpt-2", "Hello world's 123 !? x2") == list{"Hello", " world", "'s", " 123", " !?", " x", "2"});
  REQUIRE(words("gpt-2", "we'll I'VE 'told he're") == list{"we", "'ll", " I", "'", "VE", " '", "told", " he", "'re"});
  REQUIRE(words("gpt-2", "a  b   c") == list{"a", " ", " b", "  ", " c"});
  REQUIRE(words("gpt-2", "a\n\n b\t\tc  ") == list{"a", "\n\n", " b", "\t", "\t", "c", "  "});
  REQUIRE(words("gpt-2", "\xff\xfe z") == list{"\xff\xfe", " z"});
  REQUIRE(words("gpt-2", "été №5 漢字") == list{"été", " №", "5", " 漢字"});
  REQUIRE(words("gpt-2", "'") == list{"'"});
}

TEST_CASE("digits apart, then GPT-2's expression") {
  REQUIRE(words("smollm", "in 1999, x2") == list{"in", " ", "1", "9", "9", "9", ",", " x", "2"});
  REQUIRE(words("smollm", "a  3") == list{"a", "  ", "3"});  // what stands in front of a digit ends there
  REQUIRE(words("smollm", "½'s 12's") == list{"½", "'s", " ", "1", "2", "'s"});
}

TEST_CASE("Llama 3's expression") {
  REQUIRE(words("llama-bpe", "Hello world 12345") == list{"Hello", " world", " ", "123", "45"});
  REQUIRE(words("llama-bpe", "I'VE we'll 'Re") == list{"I", "'VE", " we", "'ll", " '", "Re"});
  REQUIRE(words("llama-bpe", "(abc) \"x\"!\n\nNew") == list{"(abc", ")", " \"", "x", "\"!\n\n", "New"});
  REQUIRE(words("llama-bpe", "a \n \n  b") == list{"a", " \n \n", " ", " b"});
  REQUIRE(words("llama-bpe", "a\tb  ") == list{"a", "\tb", "  "});
  REQUIRE(words("llama-bpe", " 3 ½") == list{" ", "3", " ", "½"});
  REQUIRE(words("llama-bpe", "x\u00a0y   z") == list{"x", "\u00a0y", "  ", " z"});
  REQUIRE(words("qwen2", "12 ab34") == list{"1", "2", " ab", "3", "4"});
}

TEST_CASE("words put together are the text, and unknown rules are none") {
  std::string text;
  for (unsigned i = 0; i < 4000; ++i) text += "a1 '\n\t.\xc3\xa9\xff"[i * i * 7 % 10];
  for (auto const rule : {"gpt-2", "smollm", "llama-bpe", "qwen2", "smaug-bpe"}) {
    std::string together;
    for (auto const& word : words(rule, text)) {
      REQUIRE_FALSE(word.empty());
      together += word;
    }
    REQUIRE(together == text);
  }
  REQUIRE_FALSE(word_rule_of("default"));
  REQUIRE_FALSE(word_rule_of(""));
}
