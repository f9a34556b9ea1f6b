#include "cria/core/error.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace cria;

namespace {

std::string message(auto const&... parts) { return error(parts...).what(); }

}  // namespace

TEST_CASE("an error is one line") {
  REQUIRE(message("file", "size", "1", "2") == "file: size (expected 1, found 2)");
  REQUIRE(message("", "size") == "size");
  REQUIRE(message("a\nb", "c\td", "e\rf", "g") == "a b: c d (expected e f, found g)");
  REQUIRE(one_line("\x1b[31m \x7f \xc2\x9b \xc2\x85") == "?[31m ? ? ?");
  REQUIRE(one_line("\xc3\x9b" "ber \xc2\xa0 \xe2\x82\xac \xc2") == "\xc3\x9b" "ber \xc2\xa0 \xe2\x82\xac \xc2");
}

TEST_CASE("an error is short, whatever a file holds") {
  std::string const path(4000, 'p'), foreign(200'000, 'x');
  REQUIRE(message(path, "size", "1", "2") == path + ": size (expected 1, found 2)");
  REQUIRE(message("file", "size", foreign, foreign).size() < 900);
  REQUIRE(message(foreign, foreign).size() < 17'000);
  REQUIRE(message("file", "size", "1", foreign).ends_with("xxx...)"));
}
