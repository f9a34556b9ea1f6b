#include "cria/text/tiktoken.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "cria/text/files.hpp"
#include "support/paths.hpp"

using namespace cria;
using Catch::Matchers::Equals;

namespace {

std::unique_ptr<text::tokenizer> open(std::string const& content) {
  return text::open_tokenizer(io::mapped_file("file", std::as_bytes(std::span(content))));
}

void refuses(std::string const& content, std::string const& message) {
  REQUIRE_THROWS_WITH(open(content), Equals("file: " + message));
}

}  // namespace

TEST_CASE("texts have the ids that tiktoken gives them") {
  std::string const name = GENERATE("meta3", "ranks");
  auto const t = text::open_tokenizer(test::golden_file("tokenizers/" + name).string());
  int const ranks = t->size() - 256;
  REQUIRE(std::array{t->bos(), t->eos(), t->eot()} == std::array{ranks, ranks + 1, ranks + 9});
  REQUIRE(t->add_bos());
  REQUIRE(t->piece(t->size() - 1) == "<|reserved_special_token_245|>");
  auto const cases = test::read_json(test::golden_file("tokenizers/" + name + "/cases.json"));
  REQUIRE(cases.size() >= 50);
  for (auto const& c : cases) {
    auto const given = c["text"].get<std::string>();
    INFO(c["text"]);
    CHECK(t->encode(given) == c["ids"].get<std::vector<int>>());
    CHECK(t->encode(given, true) == c["special"].get<std::vector<int>>());
    CHECK(t->decode(t->encode(given)) == given);
    CHECK(t->decode(t->encode(given, true), true) == given);
  }
}

TEST_CASE("what bytes stand for in base64, and how GPT-2's files write them") {
  std::vector<std::pair<std::string, std::string>> const vectors{{"", ""},
                                                                 {"f", "Zg=="},
                                                                 {"fo", "Zm8="},
                                                                 {"foo", "Zm9v"},
                                                                 {"foob", "Zm9vYg=="},
                                                                 {"fooba", "Zm9vYmE="},
                                                                 {"\xff\xfe", "//4="}};
  for (auto const& [bytes, written] : vectors) REQUIRE(text::detail::from_base64(written) == bytes);  // RFC 4648, section 10
  for (auto const* const none : {"Zg=", "Zg", "Z===", "====", "Zg= ", "Z-==", "Zm9v=", "Zg==Zg=="})
    REQUIRE_FALSE(text::detail::from_base64(none));
  std::string all;
  for (int b = 0; b < 256; ++b) all += char(b);
  REQUIRE(text::bytes_of_token(text::written_bytes(all)) == all);
  REQUIRE(text::written_bytes(" a\n") == "\u0120a\u010a");
}

TEST_CASE("lines that are no tokens are refused") {
  std::string const good = "YQ== 0\nYg== 1\nYWI= 2\n";
  REQUIRE(open(good)->encode("abba") == std::vector{2, 1, 0});
  REQUIRE(open(good.substr(0, good.size() - 1))->size() == 3 + 256);  // the last line needs no end
  refuses(good + "Yw== 4\n", "line 4 (expected a token in base64 and its rank, 3, found Yw== 4)");
  refuses(good + "Yw== 2\n", "line 4 (expected a token in base64 and its rank, 3, found Yw== 2)");
  refuses(good + "\n", "line 4 (expected a token in base64 and its rank, 3, found )");
  refuses(good + " 3\n", "line 4 (expected a token in base64 and its rank, 3, found  3)");
  for (auto const* const line : {"Yw==", "Yw 3", "Yw== 3 ", "Yw== -3", "Yw== 99999999999", "Y?== 3"})
    refuses(good + line + "\n", std::string("line 4 (expected a token in base64 and its rank, 3, found ") + line + ")");
  refuses(good + "YQ== 3\n", "token 3 (expected another than those before, found one that is there already)");
  refuses(good + std::string(400, 'Y') + " 3\n", "length of token 3 (expected at most 256 bytes, found 300)");
  std::string long_line = good + std::string(100'000, '?');
  refuses(long_line, "line 4 (expected a token in base64 and its rank, 3, found " + std::string(80, '?') + "...)");
  std::string const larger = good + std::string(16 << 20, 'Y');
  refuses(larger, fmt::format("size (expected at most 16777216 bytes, found {})", larger.size()));
}
