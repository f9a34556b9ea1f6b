#include "cria/core/text.hpp"

#include <limits>
#include <string>

#include <catch2/catch_test_macros.hpp>

using namespace cria;

namespace {

std::string said(auto const&... parts) { return std::string(cria::detail::words(parts...).view()); }

}  // namespace

TEST_CASE("words and whole numbers become one text") {
  REQUIRE(said("layer ", 12, std::string(" of "), std::string_view("80")) == "layer 12 of 80");
  REQUIRE(said(0, " ", -1, " ", std::numeric_limits<long long>::min()) == "0 -1 -9223372036854775808");
  REQUIRE(said(std::numeric_limits<std::size_t>::max() / 2) == "9223372036854775807");
  static_assert(cria::detail::words("a", 1).view() == "a1");
}

TEST_CASE("a text of words is cut at its end") {
  std::string const line(159, 'x');
  REQUIRE(said(line) == line);
  REQUIRE(said(line, 7) == line);
  REQUIRE(said(std::string(157, 'x'), 1234) == std::string(157, 'x') + "12");
}
