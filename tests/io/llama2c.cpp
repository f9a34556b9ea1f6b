#include "cria/io/llama2c.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "support/files.hpp"
#include "support/paths.hpp"

using namespace cria;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Equals;
using enum io::llama2c_tensor;
using test::raw;
using test::tiny_llama2c;

namespace {

void refuses(std::string const& bytes, std::string const& message) {
  REQUIRE_THROWS_WITH(io::llama2c(test::as_file(bytes)), Equals("file: " + message));
}

}  // namespace

TEST_CASE("a llama2.c checkpoint of the first version is read") {
  bool const tied = GENERATE_COPY(true, false);
  auto const bytes = tiny_llama2c{.tied = tied}.str();
  REQUIRE(io::llama2c::recognises(std::as_bytes(std::span(bytes))));
  io::llama2c const file(test::as_file(bytes));
  REQUIRE(file.version() == 0);
  REQUIRE(file.group() == 0);
  REQUIRE(file.tied() == tied);
  REQUIRE(file.shape().vocabulary == 40);
  REQUIRE(file.shape().context == 16);
  REQUIRE((io::as_text(file.at(embed, 0).bytes) == raw(test::ramp(40 * 32, 13))));
  REQUIRE((io::as_text(file.at(attention_norm, 1).bytes) == raw(test::ramp(32, 39))));
  REQUIRE(file.at(wk, 1).rows == 16);
  REQUIRE(file.at(w2, 1).rows == 32);
  REQUIRE(file.at(w2, 1).columns == 64);
  if (!tied) REQUIRE(file.at(head, 0).bytes.data() + 40 * 32 * 4 == file.file().bytes().data() + bytes.size());
}

TEST_CASE("a llama2.c checkpoint of version 2 is read") {
  auto const bytes = tiny_llama2c{.tied = false, .group = 16}.str();
  io::llama2c const file(test::as_file(bytes));
  REQUIRE(file.version() == 2);
  REQUIRE(file.group() == 16);
  REQUIRE_FALSE(file.tied());
  REQUIRE(file.at(norm, 0).scales.empty());
  REQUIRE(file.at(wq, 1).bytes.size() == 32 * 32);
  REQUIRE(file.at(wq, 1).scales.size() == 32 * 32 / 16 * 4);
  float second = 0;
  std::memcpy(&second, file.at(wq, 1).scales.data() + 4, 4);
  REQUIRE(second == 2.0f / 512);
}

TEST_CASE("a llama2.c checkpoint that lies is refused") {
  auto const good = tiny_llama2c{}.str();
  auto const size = std::to_string(good.size());
  refuses(good + "x", "size of the file (expected " + size + " bytes, found " + std::to_string(good.size() + 1) + ")");
  REQUIRE_THROWS_WITH(io::llama2c(test::as_file(good.substr(0, good.size() - 1))),
                      ContainsSubstring("the file ends inside the rotary tables"));
  REQUIRE_THROWS_WITH(io::llama2c(test::as_file(good.substr(0, 9000))),
                      ContainsSubstring("the file ends inside the weights"));
  refuses(tiny_llama2c{.heads = 3, .kv_heads = 3}.str(),
          "header (expected the shape of a model, found width 32 is not a multiple of 3 heads)");
  refuses(tiny_llama2c{.heads = 4, .kv_heads = 3}.str(),
          "header (expected the shape of a model, found 4 heads are not a multiple of 3 kv heads)");
  auto const with = [&](std::size_t place, std::int32_t value) {
    return std::string(good).replace(place * 4, 4, raw(value));
  };
  for (std::size_t i = 0; i < 7; ++i) {
    refuses(with(i, 0), "header (expected the shape of a model, found a number is not in 1..16777216)");
    REQUIRE_THROWS_AS(io::llama2c(test::as_file(with(i, std::numeric_limits<std::int32_t>::min()))), error);
    REQUIRE_THROWS_AS(io::llama2c(test::as_file(with(i, 1 << 24))), error);
  }
  auto const negative = with(0, -1);
  REQUIRE_FALSE(io::llama2c::recognises(std::as_bytes(std::span(negative))));

  auto const second = tiny_llama2c{.group = 16}.str();
  refuses(std::string(second).replace(4, 4, raw(std::int32_t(1))),
          "version of the llama2.c checkpoint (expected the first (without a magic number) or 2, found 1)");
  refuses(std::string(second).replace(36, 1, "\2"), "flag of the shared classifier (expected 0 or 1, found 2)");
  refuses(std::string(second).replace(37, 4, raw(std::int32_t(0))), "group size (expected 1 or more, found 0)");
  refuses(std::string(second).replace(37, 4, raw(std::int32_t(7))), "group size (expected a divisor of 1280, found 7)");
  REQUIRE_THROWS_WITH(io::llama2c(test::as_file(second.substr(0, 100))),
                      ContainsSubstring("the file ends inside the header"));
}
