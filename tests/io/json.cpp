#include "cria/io/json.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

using namespace cria;
using Catch::Matchers::Equals;

TEST_CASE("JSON is parsed, and what is wrong with it is said") {
  REQUIRE(io::parse_json("f", R"({"a": [1, {"a": 2}], "b": {"a": 3}})")["b"]["a"] == 3);
  REQUIRE_THROWS_WITH(io::parse_json("f", R"({"a": )"), Equals("f: not JSON at byte 7"));
  REQUIRE_THROWS_WITH(io::parse_json("f", R"({"a": 1, "a": 2})"),
                      Equals("f: a member is there twice (expected one a, found two)"));
  REQUIRE_THROWS_WITH(io::parse_json("f", "1e999"), Equals("f: JSON holds a number out of range"));
  REQUIRE_THROWS_WITH(io::parse_json("f", "\"\xff\""), Equals("f: not JSON at byte 2"));
}

TEST_CASE("a file of JSON may not be of any size") {
  std::string const text = "[1, 2]";
  io::mapped_file const file("f", std::as_bytes(std::span(text)));
  REQUIRE(io::read_json(file, text.size()).size() == 2);
  REQUIRE_THROWS_WITH(io::read_json(file, 5), Equals("f: size (expected at most 5 bytes, found 6)"));
}

TEST_CASE("JSON may nest only so deep") {
  REQUIRE(io::parse_json("f", "[[[]]]", 2).is_array());
  REQUIRE_THROWS_WITH(io::parse_json("f", "[[[[]]]]", 2),
                      Equals("f: JSON nests too deeply (expected at most 2 levels, found more)"));
  REQUIRE_THROWS_AS(io::parse_json("f", std::string(1'000'000, '[')), error);
}
