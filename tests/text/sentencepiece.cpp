#include "cria/text/sentencepiece.hpp"

#include <chrono>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "cria/text/files.hpp"
#include "support/vocabularies.hpp"

using namespace cria;
using Catch::Matchers::EndsWith;
using list = std::vector<int>;

namespace {

std::unique_ptr<text::tokenizer> open(std::string const& bytes) { return text::open_tokenizer(test::as_file(bytes)); }
std::unique_ptr<text::tokenizer> small() { return open(test::piece_gguf(test::small_pieces()).str()); }

// ids of test::small_pieces
constexpr int blank_a = 259, an = 260, blank_an = 261, ana = 262, blank_b = 264, blank = 265, a = 266, n = 268;
constexpr int byte(int b) { return b + 3; }

}  // namespace

TEST_CASE("the pair of highest score is merged first, of equals the one further left") {
  auto const t = small();
  REQUIRE(t->encode("a") == list{blank_a});
  REQUIRE(t->encode("an") == list{blank_an});  // "▁a" goes first; with "an" first nothing would be left to merge
  REQUIRE(t->encode("ban") == list{blank_b, an});
  REQUIRE(t->encode("bana") == list{blank_b, ana});
  REQUIRE(t->encode("baaa") == list{blank_b, 263, a});
  REQUIRE(t->encode("").empty());
  REQUIRE(t->encode(" ") == list{blank, blank});
  REQUIRE(t->encode("n") == list{blank, n});
}

TEST_CASE("what no piece stands for is written in bytes") {
  auto const t = small();
  REQUIRE(t->encode("é\n") == list{blank, byte(0xc3), byte(0xa9), byte('\n')});
  REQUIRE(t->encode("\xff\xe2\x82") == list{blank, byte(0xff), byte(0xe2), byte(0x82)});
  REQUIRE(t->encode("<0x41>") == list{blank, byte('<'), byte('0'), byte('x'), byte('4'), byte('1'), byte('>')});
  std::string every;
  for (int b = 0; b < 256; ++b) every += char(b);
  REQUIRE(t->decode(t->encode(every)) == every);
}

TEST_CASE("without byte pieces a character becomes the unknown token, and without that an error") {
  std::vector<test::piece> pieces;
  for (auto const& p : test::small_pieces())
    if (p.kind != 6) pieces.push_back(p);
  auto const t = open(test::piece_gguf(pieces).str());
  REQUIRE(t->encode("aéa") == list{3, 0, 10});
  REQUIRE(t->decode(list{0}) == " ⁇ ");
  auto without = test::piece_gguf(pieces).str();
  std::string const name = "unknown_token_id";
  without.replace(without.find(name) + name.size() + 4, 4, test::raw(~std::uint32_t{0}));
  REQUIRE_THROWS_WITH(open(without)->encode("é"), EndsWith("no token of this vocabulary stands for byte 0xC3"));
}

TEST_CASE("control tokens are text unless asked for, and leave no text") {
  auto const t = small();
  REQUIRE(t->encode("<s>a</s>", true) == list{1, blank_a, 2});
  REQUIRE(t->encode("<s>")[1] == byte('<'));
  REQUIRE(t->decode(list{1, blank_a, blank_b, 2}) == "a b");
  REQUIRE(t->decode(list{1, blank_a, blank_b, 2}, true) == "<s>a b</s>");
  REQUIRE(t->piece(blank_an) == " an");
  REQUIRE(t->piece(byte(0xff)) == "\xff");
  REQUIRE(t->is_control(1));
  REQUIRE_FALSE(t->is_control(byte('<')));
  REQUIRE(t->find_special("</s>") == 2);
  REQUIRE(t->find_special("</s") == -1);
  REQUIRE_THROWS_WITH(t->piece(269), EndsWith("id out of range (expected 0 to 268, found 269)"));
  REQUIRE_THROWS_AS(t->decode(list{-1}), error);
}

TEST_CASE("user-defined tokens are found as they stand, the longest first") {
  auto pieces = test::small_pieces();
  pieces.push_back({"ab", 0, 4}), pieces.push_back({"abab", 0, 4});
  auto const t = open(test::piece_gguf(pieces).str());
  REQUIRE(t->encode("ababab") == list{270, 269});
  REQUIRE(t->encode("nab") == list{blank, n, 269});
}

TEST_CASE("the blank in front can be switched off") {
  auto const t = open(test::piece_gguf(test::small_pieces()).boolean("tokenizer.ggml.add_space_prefix", false).str());
  REQUIRE(t->encode("a") == list{a});
  REQUIRE(t->decode(list{blank_a}) == " a");
}

TEST_CASE("a long word of pieces is encoded in time") {
  auto const t = small();
  auto const start = std::chrono::steady_clock::now();
  REQUIRE(t->encode(std::string(1 << 20, 'a')).size() == (1 << 19) + 1);
  REQUIRE(t->encode(std::string(1 << 20, ' ')).size() == (1 << 20) + 1);
  REQUIRE(std::chrono::steady_clock::now() - start < std::chrono::seconds(60));
}
