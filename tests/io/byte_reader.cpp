#include "cria/io/byte_reader.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "support/files.hpp"

using namespace cria;
using Catch::Matchers::Equals;

TEST_CASE("a byte reader stops at the end") {
  std::string const bytes = test::raw(std::uint32_t(7)) + test::raw(1.5f) + "ab";
  io::byte_reader in("file", std::as_bytes(std::span(bytes)));
  REQUIRE(in.read<std::uint32_t>("a number") == 7);
  REQUIRE(in.read<float>("a number") == 1.5f);
  REQUIRE_THROWS_WITH(in.take(3, "a name"),
                      Equals("file: the file ends inside a name at byte 8 (expected 3 bytes, found 2)"));
  REQUIRE_THROWS_AS(in.take(~std::uint64_t{0}, "a name"), error);
  REQUIRE(io::as_text(in.take(2, "a name")) == "ab");
  REQUIRE(in.remaining() == 0);
}

TEST_CASE("products that don't fit become the largest number") {
  STATIC_REQUIRE(io::saturated_product(0, ~0ull) == 0);
  STATIC_REQUIRE(io::saturated_product(1ull << 32, 1ull << 31) == 1ull << 63);
  STATIC_REQUIRE(io::saturated_product(1ull << 32, 1ull << 32) == ~0ull);
}

TEST_CASE("text from files is fit for one line") {
  REQUIRE(io::printable("a\n\x1b[31m") == "a??[31m");
  REQUIRE(io::printable(std::string(200, 'x')) == std::string(80, 'x') + "...");
}
