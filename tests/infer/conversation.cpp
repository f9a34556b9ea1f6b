#include "cria/infer/conversation.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

using namespace cria;
using Catch::Matchers::MessageMatches, Catch::Matchers::ContainsSubstring;

namespace {

/// A token per byte: the system text, 'u' before what users say, 'a' before answers.
struct letters : infer::chat_format {
  std::string_view name() const override { return "letters"; }
  std::vector<int> prompt(std::optional<std::string> const& system, std::span<infer::exchange const> before,
                          std::string_view user) const override {
    if (user == "bad") throw error("message", "bad");
    std::string all = system.value_or("");
    for (auto const& e : before) all += "u" + e.user + "a" + e.answer;
    all += "u" + std::string(user) + "a";
    return {all.begin(), all.end()};
  }
};

std::string letters_of(std::vector<int> const& ids) { return {ids.begin(), ids.end()}; }

}  // namespace

TEST_CASE("a conversation grows") {
  letters const format;
  infer::conversation talk(format, "S", 100, 10);
  CHECK(letters_of(talk.ask("one").tokens) == "Suonea");
  talk.answered("1");
  CHECK(letters_of(talk.ask("two").tokens) == "Suonea1utwoa");
  talk.answered("2");
  CHECK(talk.history().size() == 2);
  talk.reset();
  CHECK(letters_of(talk.ask("three").tokens) == "Suthreea");
}

TEST_CASE("the oldest turns leave, the system text stays") {
  letters const format;
  infer::conversation talk(format, "S", 20, 4);
  talk.ask("12345");
  talk.answered("abc");  // u12345aabc: 10
  auto const second = talk.ask("67");
  CHECK(second.forgotten == 0);
  CHECK(second.tokens.size() == 1 + 10 + 4);
  talk.answered("d");
  auto const third = talk.ask("89");  // 1 + 10 + 5 + 4 > 20 - 4
  CHECK(third.forgotten == 1);
  CHECK(letters_of(third.tokens) == "Su67adu89a");
  talk.answered("e");
  auto const last = talk.ask("a long one ...");
  CHECK(last.forgotten == 2);
  CHECK(letters_of(last.tokens) == "Sua long one ...a");
  CHECK(talk.history().empty());
}

TEST_CASE("a message that cannot fit is refused and nothing is forgotten") {
  letters const format;
  infer::conversation talk(format, "S", 20, 4);
  talk.ask("1");
  talk.answered("2");
  CHECK_THROWS_MATCHES(talk.ask(std::string(17, 'x')), error,
                       MessageMatches(ContainsSubstring("expected fewer than 20 tokens, found 20")));
  CHECK(letters_of(talk.ask("3").tokens) == "Su1a2u3a");
  CHECK_THROWS_AS(talk.ask("bad"), error);
  CHECK(talk.history().size() == 1);
  CHECK(talk.ask(std::string(16, 'x')).tokens.size() == 19);  // no room is reserved where there is none
}
