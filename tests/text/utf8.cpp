#include "cria/text/utf8.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace cria::text;

TEST_CASE("well-formed UTF-8 is told from malformed") {
  REQUIRE_FALSE(first_malformed(""));
  REQUIRE_FALSE(
      first_malformed("a\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"));
  REQUIRE(first_malformed("ab\x80") == 2);
  REQUIRE(first_malformed("a\xc0\x80") == 1);         // overlong
  REQUIRE(first_malformed("\xe0\x9f\xbf") == 0);      // overlong
  REQUIRE(first_malformed("\xf0\x8f\xbf\xbf") == 0);  // overlong
  REQUIRE(first_malformed("é\xed\xa0\x80") == 2);     // a surrogate
  REQUIRE(first_malformed("\xf4\x90\x80\x80") == 0);  // beyond U+10FFFF
  REQUIRE(first_malformed("\xf5\x80\x80\x80") == 0);
  REQUIRE(first_malformed("xyz\xe2\x82") == 3);  // cut
}

TEST_CASE("every code point is read as itself") {
  STATIC_REQUIRE(first_character("€").value == U'€');
  for (char32_t c = 0; c < 0x110000; c += c < 0x3000 ? 1 : 61) {
    if (c >= 0xd800 && c < 0xe000) continue;
    unsigned char bytes[4];
    auto const length = utf8proc_encode_char(utf8proc_int32_t(c), bytes);
    auto const read = first_character({reinterpret_cast<char const*>(bytes), std::size_t(length)});
    REQUIRE(read.value == c);
    REQUIRE(read.bytes == std::size_t(length));
  }
}

TEST_CASE("malformed sequences become U+FFFD, one for each longest beginning") {
  // the examples of the Unicode standard, section 3.9, tables 3-8 to 3-11
  std::string const r = "\xef\xbf\xbd";
  REQUIRE(well_formed("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41") == r + r + r + r + r + r + r + r + "A");
  REQUIRE(well_formed("\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41") == r + r + r + r + r + r + r + r + "A");
  REQUIRE(well_formed("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42") == r + r + r + r + r + "A" + r + r + "B");
  REQUIRE(well_formed("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41") == r + r + r + r + "A");
}

TEST_CASE("a stream holds back what is not complete") {
  utf8_stream stream;
  REQUIRE(stream.put("a\xf0\x9f") == "a");
  REQUIRE(stream.put("\xa6").empty());
  REQUIRE(stream.put("\x99z\xe2") == "🦙z");
  REQUIRE(stream.put("x") == "\xef\xbf\xbdx");
  REQUIRE(stream.put("\xc3").empty());
  REQUIRE(stream.finish() == "\xef\xbf\xbd");
  REQUIRE(stream.finish().empty());
}

TEST_CASE("a stream gives the same text however it is cut") {
  std::string const text = "héllo 🦙\xff\xe2\x82 ok \xf0\x9f\x98";
  auto const whole = well_formed(text);
  for (std::size_t piece = 1; piece < 5; ++piece) {
    utf8_stream stream;
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += piece) out += stream.put(std::string_view(text).substr(at, piece));
    REQUIRE(out + stream.finish() == whole);
  }
}

TEST_CASE("characters have the classes of regular expressions") {
  using enum character_class;
  for (char32_t const c : U"aZéßжさ漢ªʰ")
    if (c != 0) REQUIRE(class_of(c) == letter);
  for (char32_t const c : U"09٣½②Ⅷ²")
    if (c != 0) REQUIRE(class_of(c) == number);
  for (char32_t const c : U" \t\n\v\f\r\u0085\u00a0\u1680\u2003\u2028\u2029\u202f\u205f\u3000")
    if (c != 0) REQUIRE(class_of(c) == space);
  for (char32_t const c : U"!_.€🦙\u200b\u0301\x1f")
    if (c != 0) REQUIRE(class_of(c) == other);
}
