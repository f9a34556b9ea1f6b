#include "cria/io/gguf.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "support/files.hpp"
#include "support/paths.hpp"

using namespace cria;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Equals;
using test::gguf_writer;
using test::raw;

namespace {

void refuses(std::string const& bytes, std::string const& message) {
  REQUIRE_THROWS_WITH(io::gguf(test::as_file(bytes)), Equals("file: " + message));
}

gguf_writer one_tensor(std::vector<std::uint64_t> const& shape, std::uint32_t type, std::size_t bytes) {
  gguf_writer w;
  return w.tensor("t", shape, type, std::string(bytes, 'x'));
}

}  // namespace

TEST_CASE("GGUF metadata of every kind is read") {
  gguf_writer w;
  w.key("u8", 0, raw(std::uint8_t(200))).key("i8", 1, raw(std::int8_t(-5))).key("u16", 2, raw(std::uint16_t(60000)));
  w.key("i16", 3, raw(std::int16_t(-300))).u32("u32", 4'000'000'000u).key("i32", 5, raw(std::int32_t(-70000)));
  w.f32("f32", 0.1f).boolean("yes", true).string("text", "a\0b").key("u64", 10, raw(~std::uint64_t{0}));
  w.key("i64", 11, raw(std::int64_t(-1) << 40)).key("f64", 12, raw(0.1)).strings("names", {"x", "", "yz"});
  w.array("numbers", 5, 3, raw(std::int32_t(1)) + raw(std::int32_t(-2)) + raw(std::int32_t(3)));
  std::string const inner = raw(std::uint32_t(0)) + raw(std::uint64_t(2)) + "ab";
  w.array("nested", 9, 2, inner + inner);
  std::string const bytes = w.str();
  io::gguf const file(test::as_file(bytes));

  REQUIRE(file.version() == 3);
  REQUIRE(file.keys().size() == 15);
  REQUIRE(file.integer("u8", 0, 255) == 200);
  REQUIRE(file.integer("i8", -10, 10) == -5);
  REQUIRE(file.integer("u16", 0, 1 << 20) == 60000);
  REQUIRE(file.integer("i16", -1000, 0) == -300);
  REQUIRE(file.integer("u32", 0, 1ll << 40) == 4'000'000'000);
  REQUIRE(file.integer("i32", -100000, 0) == -70000);
  REQUIRE(file.integer("i64", std::int64_t(-1) << 50, 0) == std::int64_t(-1) << 40);
  REQUIRE(std::get<std::uint64_t>(*file.find("u64")) == ~std::uint64_t{0});
  REQUIRE(file.number("f32") == double(0.1f));
  REQUIRE(file.number("f64") == 0.1);
  REQUIRE(file.boolean("yes") == true);
  REQUIRE(file.text("text") == "a");
  REQUIRE(*file.texts("names") == std::vector<std::string_view>{"x", "", "yz"});
  REQUIRE(file.numbers<std::int32_t>("numbers") == std::vector<std::int32_t>{1, -2, 3});
  auto const& nested = std::get<io::gguf_array>(*file.find("nested"));
  REQUIRE(nested.arrays.size() == 2);
  REQUIRE(io::as_text(nested.arrays[1].raw) == "ab");

  REQUIRE_FALSE(file.integer("absent", 0, 1));
  REQUIRE_FALSE(file.text("absent"));
  REQUIRE(file.texts("absent") == nullptr);
  REQUIRE(file.numbers<float>("absent").empty());
}

TEST_CASE("GGUF metadata of another kind than asked for is named") {
  gguf_writer w;
  std::string const bytes = w.u32("n", 9).string("s", "a\nb").f32("x", 2).strings("a", {"b"}).str();
  io::gguf const file(test::as_file(bytes));
  REQUIRE_THROWS_WITH(file.integer("n", 0, 8), Equals("file: n (expected a whole number from 0 to 8, found 9)"));
  REQUIRE_THROWS_WITH(file.integer("n", 10, 12), ContainsSubstring("found 9"));
  REQUIRE_THROWS_WITH(file.integer("x", 0, 8), ContainsSubstring("found 2"));
  REQUIRE_THROWS_WITH(file.number("s"), Equals("file: s (expected a floating-point number, found \"a?b\")"));
  REQUIRE_THROWS_WITH(file.boolean("n"), ContainsSubstring("a boolean"));
  REQUIRE_THROWS_WITH(file.text("a"), Equals("file: a (expected text, found an array of 1 text)"));
  REQUIRE_THROWS_WITH(file.numbers<float>("a"), ContainsSubstring("an array of f32"));
  REQUIRE_THROWS_WITH(file.texts("n"), ContainsSubstring("an array of text"));
}

TEST_CASE("GGUF tensors lie where the file says") {
  gguf_writer w;
  auto const q = raw(encode(dtype::q8_0, test::ramp(128)));
  w.tensor("a", {64, 2}, 8, q)
      .tensor("k", {256}, 10, std::string(84, 'k'))
      .tensor("new", {3}, 99, "")
      .tensor("b", {5}, 0, raw(test::ramp(5)));
  std::string const bytes = w.str();
  io::gguf const file(test::as_file(bytes));
  REQUIRE(file.tensors().size() == 4);
  auto const* const a = file.tensor("a");
  REQUIRE(a != nullptr);
  REQUIRE(a->shape == std::vector<std::uint64_t>{64, 2});
  REQUIRE(a->type.format == dtype::q8_0);
  REQUIRE(io::as_text(a->bytes) == q);
  REQUIRE(io::as_text(file.tensor("b")->bytes) == raw(test::ramp(5)));
  REQUIRE(file.tensor("k")->type.name == "Q2_K");
  REQUIRE_FALSE(file.tensor("k")->type.format);
  REQUIRE(file.tensor("new")->type.name == "type 99");
  REQUIRE(file.tensor("c") == nullptr);
}

TEST_CASE("another alignment is heeded") {
  gguf_writer w;
  std::string bytes = w.u32("general.alignment", 64).tensor("a", {1}, 0, raw(2.5f)).str();
  bytes.resize((bytes.size() - 32 + 63) / 64 * 64);
  bytes += raw(2.5f);
  io::gguf const file(test::as_file(bytes));
  REQUIRE(io::as_text(file.tensor("a")->bytes) == raw(2.5f));
  refuses(gguf_writer().u32("general.alignment", 24).str(), "general.alignment (expected a power of two, found 24)");
  refuses(gguf_writer().u32("general.alignment", 0).str(),
          "general.alignment (expected a whole number from 1 to 1048576, found 0)");
}

TEST_CASE("a GGUF file that lies is refused") {
  refuses("GGML1234", "not a GGUF file (expected magic GGUF, found something else)");
  refuses("GG", "the file ends inside the magic at byte 0 (expected 4 bytes, found 2)");
  refuses("GGUF" + raw(std::uint32_t(1)), "GGUF version (expected 2 or 3, found 1)");
  std::string const start = "GGUF" + raw(std::uint32_t(3));
  refuses(start + raw(std::uint64_t(1) << 60) + raw(std::uint64_t(0)),
          "the number of tensors (expected at most 0 in a file of this size, found 1152921504606846976)");
  refuses(start + raw(std::uint64_t(0)) + raw(~std::uint64_t{0}),
          "the number of keys (expected at most 0 in a file of this size, found 18446744073709551615)");
  refuses(gguf_writer().u32("k", 1).u32("k", 2).str(), "key k is there twice");
  refuses(gguf_writer().key("k", 13, "abcd").str(), "the kind of k (expected 0 to 12, found 13)");
  refuses(gguf_writer().key("k", 7, "\x02").str(), "k (expected a boolean, 0 or 1, found 2)");
  refuses(gguf_writer().key("k", 8, raw(std::uint64_t(100)) + "short").str(),
          "the file ends inside k at byte 45 (expected 100 bytes, found 5)");
  refuses(gguf_writer().array("k", 6, std::uint64_t(1) << 62, "").str(),
          "the number of values of k (expected at most 0 in a file of this size, found 4611686018427387904)");
  std::string deep;
  for (int i = 0; i < 20; ++i) deep += raw(std::uint32_t(9)) + raw(std::uint64_t(1));
  refuses(gguf_writer().key("k", 9, deep + std::string(100, '\0')).str(),
          "k (expected at most 4 arrays in each other, found more)");
}

TEST_CASE("a GGUF tensor that lies is refused") {
  refuses(one_tensor({}, 0, 4).str(), "t: number of axes (expected 1 to 4, found 0)");
  refuses(one_tensor({1, 1, 1, 1, 1}, 0, 4).str(), "t: number of axes (expected 1 to 4, found 5)");
  refuses(one_tensor({4, 0}, 0, 16).str(), "t: shape (expected extents of 1 and more, found 0)");
  refuses(one_tensor({48}, 8, 51).str(), "t: length of a row (expected a multiple of 32 for Q8_0, found 48)");
  refuses(one_tensor({9}, 0, 32).str(),
          "t: data outside of the file (expected 36 bytes at 0, found 32 bytes of data in all)");
  refuses(one_tensor({1ull << 40, 1ull << 40}, 0, 32).str(),
          "t: data outside of the file (expected 18446744073709551615 bytes at 0, found 32 bytes of data in all)");
  refuses(gguf_writer().tensor("t", {1}, 0, "abcd").tensor("t", {1}, 0, "abcd").str(),
          "t: a tensor of this name is there twice");
  std::string bytes = one_tensor({1}, 0, 4).str();
  auto const offset = bytes.find("t\1") + 1 + 4 + 8 + 4;
  bytes.replace(offset, 8, raw(std::uint64_t(8)));
  refuses(bytes, "t: offset (expected a multiple of 32, found 8)");
  bytes.replace(offset, 8, raw(~std::uint64_t{31}));
  refuses(bytes,
          "t: data outside of the file (expected 4 bytes at 18446744073709551584, found 32 bytes of data in all)");
}

TEST_CASE("every beginning of a GGUF file is refused") {
  auto const whole = test::tiny_gguf{.layers = 1}.str();
  for (std::size_t length = 0; length + 1 < whole.size(); length += length < 2000 ? 1 : 97)
    REQUIRE_THROWS_AS(io::gguf(test::as_file(whole.substr(0, length))), error);
}

TEST_CASE("the default model's metadata and tensors are those the reference reads") {
  auto const expected = test::read_json(test::golden_file("smollm2/metadata.json"));
  io::gguf const file{io::mapped_file(test::smollm2_file().string())};
  REQUIRE(file.tensors().size() == expected["tensors"].size());
  for (std::size_t i = 0; i < file.tensors().size(); ++i) {
    auto const& t = file.tensors()[i];
    REQUIRE(t.name == expected["tensors"][i]["name"].get<std::string>());
    REQUIRE(t.type.name == expected["tensors"][i]["type"].get<std::string>());
    REQUIRE(t.shape == expected["tensors"][i]["shape_as_stored"].get<std::vector<std::uint64_t>>());
  }
  for (auto const& [key, value] : expected["keys"].items()) {
    INFO(key);
    if (key.starts_with("GGUF.")) continue;
    if (value.is_string()) REQUIRE(file.text(key) == value.get<std::string>());
    if (value.is_boolean()) REQUIRE(file.boolean(key) == value.get<bool>());
    if (value.is_number_unsigned()) REQUIRE(file.integer(key, 0, 1 << 30) == value.get<std::int64_t>());
    if (value.is_number_float()) REQUIRE(float(file.number(key).value()) == value.get<float>());
  }
}
