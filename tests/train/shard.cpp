#include "cria/train/data/shard.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "support/files.hpp"
#include "toy.hpp"

using namespace cria;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Equals;
using test::raw;
using test::temporary_folder;
namespace fs = std::filesystem;

namespace {

std::string write_shard(std::string const& path, std::vector<std::vector<int>> const& texts, int vocabulary) {
  train::shard_writer writer(path, test::toy_vocabulary(vocabulary));
  for (auto const& t : texts) writer.add(t);
  auto const facts = writer.finish();
  REQUIRE(facts == train::shard(path).facts());
  return test::read_text(path);
}

/// Reads all that is in a shard, as a corpus does.
void read_all(std::string const& path) {
  train::shard const s(path);
  auto const table = s.table();
  for (std::size_t i = 0; i < table.size(); ++i) {
    auto const end = i + 1 < table.size() ? table[i + 1].begin : s.facts().tokens;
    std::vector<int> tokens(end - table[i].begin);
    s.read_tokens(table[i].begin, tokens);
    if (train::hash_of(tokens) != table[i].hash) throw error(path, "checksum of a document");
  }
}

}  // namespace

TEST_CASE("a shard is what its description says, byte for byte") {
  temporary_folder const folder;
  auto const path = (folder.path() / "s").string();
  std::vector<int> const first{1, 2, 3}, second{1, 299};
  auto const narrow = write_shard(path, {first, second}, 300);
  std::string const table =
      raw(std::uint64_t(0)) + raw(train::hash_of(first)) + raw(std::uint64_t(3)) + raw(train::hash_of(second));
  auto const sum = [](std::string const& bytes) { return io::checksum_of(std::as_bytes(std::span(bytes))); };
  auto const expected = [&](int vocabulary, std::string const& tokens) {
    std::string const head = "criatoks" + raw(std::uint32_t(1)) + raw(std::uint32_t(tokens.size() / 5));
    std::string const end = raw(std::uint64_t(2)) + raw(std::uint64_t(5)) + raw(std::uint64_t(0x1234)) +
                            raw(std::uint32_t(vocabulary)) + raw(std::uint32_t(1)) + raw(sum(table));
    return head + tokens + table + end + raw(sum(head + end));
  };
  std::string as_u16, as_u32;
  for (int const t : {1, 2, 3, 1, 299}) as_u16 += raw(std::uint16_t(t)), as_u32 += raw(std::uint32_t(t));
  REQUIRE((narrow == expected(300, as_u16)));
  REQUIRE((write_shard(path, {first, second}, 65536) == expected(65536, as_u16)));
  REQUIRE((write_shard(path, {first, second}, 65537) == expected(65537, as_u32)));
}

TEST_CASE("tokens of both widths come back") {
  int const vocabulary = GENERATE(65536, 128256);
  temporary_folder const folder;
  auto const path = (folder.path() / "s").string();
  write_shard(path, {{1, 0, 65535, vocabulary - 1}, {1}, {1, 7}}, vocabulary);
  train::shard const s(path);
  REQUIRE(s.vocabulary() == test::toy_vocabulary(vocabulary));
  auto const table = s.table();
  REQUIRE(table.size() == 3);
  REQUIRE(table[2].begin == 5);
  std::vector<int> tokens(7), some(2);
  s.read_tokens(0, tokens);
  REQUIRE((tokens == std::vector{1, 0, 65535, vocabulary - 1, 1, 1, 7}));
  s.read_tokens(5, some);
  REQUIRE((some == std::vector{1, 7}));
}

TEST_CASE("a shard cut anywhere is refused") {
  temporary_folder const folder;
  auto const path = (folder.path() / "s").string();
  auto const whole = write_shard(path, test::toy_texts(6), 300);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    folder.write("s", whole.substr(0, size));
    REQUIRE_THROWS_AS(read_all(path), error);
  }
  folder.write("s", whole + "x");
  REQUIRE_THROWS_AS(read_all(path), error);
  folder.write("s", whole);
  read_all(path);
}

TEST_CASE("every flipped bit of a shard is found") {
  int const vocabulary = GENERATE(300, 70000);
  temporary_folder const folder;
  auto const path = (folder.path() / "s").string();
  auto bytes = write_shard(path, {{1, 2, 3}, {1}, {1, 299}}, vocabulary);
  auto const trailer = bytes.size() - 48, table = trailer - 3 * 16;
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto const flip = [&] { bytes[bit / 8] = char(bytes[bit / 8] ^ 1 << bit % 8); };
    flip();
    folder.write("s", bytes);
    bool const in_tokens = bit / 8 >= 16 && bit / 8 < table;
    if (in_tokens)
      REQUIRE_THROWS_AS(read_all(path), error);
    else
      REQUIRE_THROWS_AS(train::shard(path).table(), error);
    flip();
  }
}

TEST_CASE("a shard that lies with right checksums is refused") {
  temporary_folder const folder;
  auto const path = (folder.path() / "s").string();
  auto const good = write_shard(path, {{1, 2, 3}, {1, 299}}, 300);
  auto const sum = [](std::string const& bytes) { return io::checksum_of(std::as_bytes(std::span(bytes))); };
  auto const refuses = [&](std::string bytes, std::string const& message) {
    auto const table = bytes.size() - 48 - 32;
    bytes.replace(bytes.size() - 16, 8, raw(sum(bytes.substr(table, 32))));
    bytes.replace(bytes.size() - 8, 8, raw(sum(bytes.substr(0, 16) + bytes.substr(bytes.size() - 48, 40))));
    folder.write("s", bytes);
    REQUIRE_THROWS_WITH(train::shard(path).table(), Equals(path + ": " + message));
  };
  auto const with = [&](std::size_t at, auto value) { return std::string(good).replace(at, sizeof value, raw(value)); };
  auto const end = good.size() - 48, table = end - 32;
  constexpr auto most = ~std::uint64_t{0};
  refuses("criatokz" + good.substr(8), "not a shard of tokens (expected criatoks, found criatokz)");
  refuses(with(8, std::uint32_t(2)), "version (expected 1, found 2)");
  refuses(with(12, std::uint32_t(4)), "bytes of a token (expected 2, found 4)");
  refuses(with(end, most), "documents (expected 1 to 5, the number of tokens, found 18446744073709551615)");
  refuses(with(end, std::uint64_t(0)), "documents (expected 1 to 5, the number of tokens, found 0)");
  refuses(with(end + 8, most),
          "size of 18446744073709551615 tokens in 2 documents (expected what the file has between head and trailer, "
          "found 42 bytes)");
  refuses(with(end + 8, std::uint64_t(1) << 63),
          "size of 9223372036854775808 tokens in 2 documents (expected what the file has between head and trailer, "
          "found 42 bytes)");
  refuses(with(end + 8, std::uint64_t(4)),
          "size of 4 tokens in 2 documents (expected what the file has between head and trailer, found 42 bytes)");
  refuses(with(end + 24, std::uint32_t(0)),
          "vocabulary (expected 1 to 2^31 - 1 tokens, and bos among them, found 0 and 1)");
  refuses(with(end + 24, ~std::uint32_t(0)),
          "vocabulary (expected 1 to 2^31 - 1 tokens, and bos among them, found 4294967295 and 1)");
  refuses(with(end + 28, std::uint32_t(300)),
          "vocabulary (expected 1 to 2^31 - 1 tokens, and bos among them, found 300 and 300)");
  refuses(with(table, std::uint64_t(1)), "begin of document 0 (expected 0, found 1)");
  refuses(with(table + 16, std::uint64_t(0)), "begin of document 1 (expected 1 to 4, found 0)");
  refuses(with(table + 16, std::uint64_t(5)), "begin of document 1 (expected 1 to 4, found 5)");
  refuses(with(table + 16, most), "begin of document 1 (expected 1 to 4, found 18446744073709551615)");
}

TEST_CASE("a shard that is not there, or shrinks while it is open, is an error") {
  temporary_folder const folder;
  auto const path = (folder.path() / "s").string();
  REQUIRE_THROWS_WITH(train::shard(path), ContainsSubstring("cannot be opened: No such file"));
  REQUIRE_THROWS_WITH(train::shard(folder.path().string()), ContainsSubstring("expected a file, found a folder"));
  write_shard(path, {{1, 2, 3}, {1, 299}}, 300);
  train::shard const s(path);
  fs::resize_file(path, 20);
  std::vector<int> tokens(5);
  REQUIRE_THROWS_WITH(s.read_tokens(0, tokens),
                      Equals(path + ": the file ends inside the tokens at byte 20 (expected 6 more bytes, found 0)"));
  REQUIRE_THROWS_WITH(s.table(), ContainsSubstring("the file ends inside the table of documents"));
}

TEST_CASE("a shard that is not finished leaves nothing") {
  temporary_folder const folder;
  {
    train::shard_writer writer((folder.path() / "s").string(), test::toy_vocabulary());
    writer.add(std::vector{1, 2});
  }
  REQUIRE(fs::is_empty(folder.path()));
}
