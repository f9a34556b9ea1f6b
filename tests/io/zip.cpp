#include "cria/io/zip.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "support/torch.hpp"

using namespace cria;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Equals;
using test::raw;
using test::zip_writer;

namespace {

io::zip_archive open(std::string const& bytes) { return {"file", std::as_bytes(std::span(bytes))}; }

void refuses(std::string const& bytes, std::string const& message) {
  REQUIRE_THROWS_WITH(open(bytes), Equals("file: " + message));
}

/// `bytes` with `value` at `place`, counted from the end where it is negative.
template <class T>
std::string with(std::string bytes, std::ptrdiff_t place, T value) {
  bytes.replace(std::size_t(place < 0 ? std::ptrdiff_t(bytes.size()) + place : place), sizeof value, raw(value));
  return bytes;
}

}  // namespace

TEST_CASE("stored entries are views of the archive, with zip64 and without") {
  for (bool const zip64 : {false, true})
    for (std::string const comment : {"", "PK\5\6 a comment that looks like an end, and is long enough"}) {
      auto const bytes = zip_writer{.zip64 = zip64}.entry("a/b", "content").entry("empty", "").str(comment);
      auto const archive = open(bytes);
      REQUIRE(archive.entries().size() == 2);
      REQUIRE(io::as_text(archive.entry("a/b")) == "content");
      REQUIRE(archive.entry("a/b").data() == std::as_bytes(std::span(bytes)).data() + 30 + 3 + 3);
      REQUIRE(archive.entry("empty").empty());
      REQUIRE_THROWS_WITH(archive.entry("c"), Equals("file: c: missing in the archive"));
    }
  auto const nothing = zip_writer{}.str();
  REQUIRE(open(nothing).entries().empty());
  auto const one = zip_writer{}.entry("a", "b").str();
  REQUIRE(io::zip_archive::recognises(std::as_bytes(std::span(one))));
}

TEST_CASE("an archive that lies is refused") {
  auto const good = zip_writer{}.entry("a", "1234").entry("b", "56").str();  // headers at 0 and 38, directory at 74
  refuses("", "not a zip archive (expected the end of a directory, found none)");
  refuses(std::string(70000, 'x'), "not a zip archive (expected the end of a directory, found none)");
  refuses(good.substr(0, good.size() - 1), "not a zip archive (expected the end of a directory, found none)");
  refuses(zip_writer{.method = 8}.entry("a", "1234").str(),
          "a: compression of the entry (expected 0 (stored), found 8)");
  refuses(zip_writer{.flags = 1}.entry("a", "1234").str(),
          "a: entry of the archive (expected not encrypted, found encrypted)");
  refuses(zip_writer{}.entry("a", "1").entry("a", "2").str(), "a: an entry of this name is there twice");
  std::size_t const directory = 74;
  refuses(with(good, std::ptrdiff_t(directory) + 20, std::uint32_t(5)), "a: size of the entry (expected 4, found 5)");
  refuses(with(with(good, std::ptrdiff_t(directory) + 20, std::uint32_t(1000)), std::ptrdiff_t(directory) + 24,
               std::uint32_t(1000)),
          "the file ends inside an entry's content at byte 34 (expected 1000 bytes, found " +
              std::to_string(good.size() - 34) + ")");
  refuses(with(with(good, std::ptrdiff_t(directory) + 20, std::uint32_t(6)), std::ptrdiff_t(directory) + 24,
               std::uint32_t(6)),
          "entries of the archive overlap (expected one from byte 40 on, found one at 38)");
  refuses(with(good, std::ptrdiff_t(directory) + 42, std::uint32_t(38)), "a: entry has another name in its header");
  refuses(with(good, std::ptrdiff_t(directory) + 42, std::uint32_t(3)),
          "signature of an entry's header (expected 04034b50, found 00000004)");
  refuses(with(good, std::ptrdiff_t(directory) + 42, std::uint32_t(9999)),
          "a: place of the entry (expected before 74, found 9999)");
  refuses(with(good, -6, std::uint32_t(75)),
          "the archive's directory (expected within 168 bytes, found 94 bytes at 75)");
  refuses(with(good, -12, std::uint16_t(3)),
          "the file ends inside an entry of the archive's directory at byte 94 (expected 4 bytes, found 0)");
  refuses(with(good, -12, std::uint16_t(1)), "bytes behind the archive's directory (expected 0, found 47)");
  refuses(with(good, -18, std::uint16_t(1)), "the archive is in several parts (expected one, found more)");
  refuses(with(good, -6, ~std::uint32_t{0}), "signature of the locator of zip64 (expected 07064b50, found 00000100)");

  auto const large = zip_writer{.zip64 = true}.entry("a", "1234").str();
  refuses(with(large, -22 - 20 + 8, std::uint64_t(1) << 60),
          "place of zip64's end (expected at most 169, found 1152921504606846976)");
  refuses(with(large, -22 - 20 - 8, ~std::uint64_t{0}),
          "the archive's directory (expected within 113 bytes, found 75 bytes at 18446744073709551615)");
  auto const place = std::ptrdiff_t(large.find("PK\1\2"));
  refuses(with(large, place + 46 + 1 + 4, std::uint64_t(1) << 40),
          "a: size of the entry (expected 1099511627776, found 4)");
  REQUIRE_THROWS_WITH(open(with(large, place + 46 + 1 + 2, std::uint16_t(25))),
                      ContainsSubstring("a: the file ends inside a field"));
  REQUIRE_THROWS_WITH(open(with(large, place + 46 + 1 + 2, std::uint16_t(8))),
                      ContainsSubstring("a: the file ends inside the field of zip64"));
}
