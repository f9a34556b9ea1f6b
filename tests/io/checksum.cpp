#include "cria/io/checksum.hpp"

#include <string>

#include <catch2/catch_test_macros.hpp>

using namespace cria;

namespace {

std::uint64_t sum(std::string const& text) { return io::checksum_of(std::as_bytes(std::span(text))); }

}  // namespace

TEST_CASE("the checksum is XXH64") {  // published values
  REQUIRE(sum("") == 0xef46db3751d8e999);
  REQUIRE(sum("a") == 0xd24ec4f1a98c6e5b);
  REQUIRE(sum("abc") == 0x44bc2cf5ad770999);
  REQUIRE(sum("Nobody inspects the spammish repetition") == 0xfbcea83c8a378bf1);
}

TEST_CASE("a checksum is the same however the bytes are cut") {
  std::string text;
  for (int i = 0; i < 150; ++i) text += char(i * 7);
  for (std::size_t first = 0; first <= 70; ++first)
    for (std::size_t second = first; second <= text.size(); second += 13) {
      io::checksum parts;
      auto const bytes = std::as_bytes(std::span(text));
      parts.update(bytes.first(first));
      parts.update(bytes.subspan(first, second - first));
      parts.update(bytes.subspan(second));
      REQUIRE(parts.value() == sum(text));
    }
}

TEST_CASE("every flipped bit changes the checksum") {
  std::string text(71, 'x');
  auto const whole = sum(text);
  for (std::size_t bit = 0; bit < text.size() * 8; ++bit) {
    auto const flip = [&] { text[bit / 8] = char(text[bit / 8] ^ 1 << bit % 8); };
    flip();
    REQUIRE(sum(text) != whole);
    flip();
  }
}
