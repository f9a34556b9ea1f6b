// What is written, the library's own readers read back; the bytes were compared with those of the reference packages.
#include <cmath>
#include <limits>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "cria/io/gguf_writer.hpp"
#include "cria/io/safetensors.hpp"
#include "cria/io/safetensors_writer.hpp"
#include "support/files.hpp"
#include "support/paths.hpp"

using namespace cria;
using Catch::Matchers::EndsWith;
using Catch::Matchers::Equals;
namespace fs = std::filesystem;

namespace {

io::tensor_source ramps(std::vector<std::size_t> const& counts) {
  return [counts](std::size_t i, io::tensor_sink& to) {
    auto const all = test::ramp(counts[i], int(i));
    auto const first = all.size() / 64 * 32;  // in two pieces
    to.values(std::span(all).first(first)), to.values(std::span(all).subspan(first));
  };
}

std::vector<float> decoded(dtype format, std::span<std::byte const> bytes) {
  std::vector<float> values(bytes.size() / std::size_t(facts(format).bytes) * std::size_t(facts(format).block));
  decode(format, bytes, values);
  return values;
}

}  // namespace

TEST_CASE("safetensors are written as the reference writes them") {
  test::temporary_folder const folder;
  auto const path = (folder.path() / "x.safetensors").string();
  auto const made = io::write_safetensors(path,
                                          {{"b", dtype::f16, {3}},
                                           {"a", dtype::bf16, {2, 2}},
                                           {"z", dtype::f32, {1, 2}},
                                           {"c", dtype::f32, {}},
                                           {"none", dtype::f32, {0, 5}}},
                                          ramps({3, 4, 2, 1, 0}));
  auto const bytes = test::read_text(path);
  std::string header = R"({"__metadata__":{"format":"pt"},"c":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
                       R"("none":{"dtype":"F32","shape":[0,5],"data_offsets":[4,4]},)"
                       R"("z":{"dtype":"F32","shape":[1,2],"data_offsets":[4,12]},)"
                       R"("a":{"dtype":"BF16","shape":[2,2],"data_offsets":[12,20]},)"
                       R"("b":{"dtype":"F16","shape":[3],"data_offsets":[20,26]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  auto const data = test::raw(test::ramp(1, 3)) + test::raw(test::ramp(2, 2)) +
                    test::raw(encode(dtype::bf16, test::ramp(4, 1))) + test::raw(encode(dtype::f16, test::ramp(3)));
  REQUIRE(bytes == test::safetensors(header, data));
  REQUIRE(made.size == bytes.size());
  REQUIRE(made.checksum == io::checksum_of(std::as_bytes(std::span(bytes))));
  io::safetensors const file{io::mapped_file(path)};
  REQUIRE(file.values<float>("z") == test::ramp(2, 2));
  REQUIRE(decoded(dtype::bf16, file.tensor("a")->bytes) == test::ramp(4, 1));
}

TEST_CASE("safetensors that cannot be are refused and leave nothing") {
  test::temporary_folder const folder;
  auto const path = (folder.path() / "x.safetensors").string();
  auto const refused = [&](std::vector<io::safetensor_plan> const& plan, io::tensor_source const& source,
                           std::string const& message) {
    REQUIRE_THROWS_WITH(io::write_safetensors(path, plan, source), Equals(path + message));
    REQUIRE(fs::is_empty(folder.path()));
  };
  refused({{"a", dtype::f32, {2}}, {"a", dtype::f32, {2}}}, ramps({2, 2}), ": a: a tensor of this name is there twice");
  refused({{"a", dtype::f32, {2}}, {"a", dtype::f16, {2}}}, ramps({2, 2}), ": a: a tensor of this name is there twice");
  refused({{"a", dtype::q8_0, {32}}}, ramps({32}), ": a: format (expected f32, f16 or bf16, found q8_0)");
  refused({{"\xff", dtype::f32, {2}}}, ramps({2}), ": ?: name of a tensor (expected UTF-8, found other bytes)");
  refused({{"__metadata__", dtype::f32, {2}}}, ramps({2}),
          ": __metadata__: name of a tensor (expected another, found this)");
  refused({{"a", dtype::f32, {1u << 31, 1u << 31, 4}}}, ramps({2}),
          ": a: number of values (expected 18446744073709551615, found 2)");
  refused({{"a", dtype::f32, {2}}}, ramps({3}), ": a: number of values (expected 2, found 3)");
  auto const gone = [](std::size_t i, io::tensor_sink& to) {
    if (i > 0) throw error("source", "gone");
    to.values(test::ramp(2));
  };
  REQUIRE_THROWS_WITH(io::write_safetensors(path, {{"a", dtype::f32, {2}}, {"b", dtype::f32, {2}}}, gone),
                      Equals("source: gone"));
  REQUIRE(fs::is_empty(folder.path()));
}

TEST_CASE("GGUF is written and read back") {
  test::temporary_folder const folder;
  auto const path = (folder.path() / "x.gguf").string();
  std::vector<dtype> const formats{dtype::f32, dtype::f16, dtype::bf16, dtype::q8_0, dtype::q4_0, dtype::q4_1};
  io::gguf_writer writer;
  writer.text("text", "words").boolean("yes", true).whole("whole", 7).number("number", 0.5f);
  writer.texts("texts", {"a", "", "c"}).numbers<float>("floats", {1, 2}).numbers<std::int32_t>("ints", {-1, 2});
  for (auto const f : formats) writer.tensor(std::string(facts(f).name), {32, 3}, f);
  writer.tensor("odd", {5}, dtype::f32);
  auto const made = writer.write(path, ramps({96, 96, 96, 96, 96, 96, 5}));

  io::gguf const file{io::mapped_file(path)};
  REQUIRE(made.size == fs::file_size(path));
  REQUIRE(made.checksum == io::checksum_of(file.file().bytes()));
  REQUIRE(file.version() == 3);
  REQUIRE(file.text("text") == "words");
  REQUIRE(file.boolean("yes") == true);
  REQUIRE(file.integer("whole", 0, 10) == 7);
  REQUIRE(file.number("number") == 0.5);
  REQUIRE(*file.texts("texts") == std::vector<std::string_view>{"a", "", "c"});
  REQUIRE(file.numbers<float>("floats") == std::vector<float>{1, 2});
  REQUIRE(file.numbers<std::int32_t>("ints") == std::vector<std::int32_t>{-1, 2});
  for (std::size_t i = 0; i < formats.size(); ++i) {
    auto const* const t = file.tensor(facts(formats[i]).name);
    REQUIRE(t->type.format == formats[i]);
    REQUIRE(t->shape == std::vector<std::uint64_t>{32, 3});
    REQUIRE(test::raw(std::vector(t->bytes.begin(), t->bytes.end())) ==
            test::raw(encode(formats[i], test::ramp(96, int(i)))));
  }
  REQUIRE(decoded(dtype::f32, file.tensor("odd")->bytes) == test::ramp(5, 6));
}

TEST_CASE("keys of one GGUF go into another") {
  auto const bytes = test::gguf_writer()
                         .u32("u", 7)
                         .key("big", 10, test::raw(std::uint64_t(1) << 40))
                         .key("i", 5, test::raw(-3))
                         .f32("f", 0.25f)
                         .boolean("b", false)
                         .string("s", "text")
                         .strings("t", {"x", "y"})
                         .array("n", 5, 2, test::raw(1) + test::raw(2))
                         .str();
  io::gguf const from(test::as_file(bytes));
  io::gguf_writer to;
  for (auto const key : from.keys()) to.copy(from, key);
  REQUIRE(to.head() == bytes);
}

TEST_CASE("what f16 cannot hold is refused, and doesn't become infinite") {
  test::temporary_folder const folder;
  auto const path = (folder.path() / "x").string();
  auto const write = [&](dtype format, std::vector<float> const& values) {
    io::gguf_writer().tensor("a", {values.size()}, format).write(path, [&](std::size_t, io::tensor_sink& to) {
      to.values(values);
    });
  };
  float const infinity = std::numeric_limits<float>::infinity();
  write(dtype::f16, {65504, -65519, infinity, std::nanf("")});
  write(dtype::bf16, {1e30f, 65520});
  for (float const x : {65520.0f, -1e30f}) {
    fs::remove(path);
    REQUIRE_THROWS_WITH(write(dtype::f16, {1, x}),
                        EndsWith("x: a: values in f16 (expected at most 65504, found larger ones)"));
    REQUIRE(fs::is_empty(folder.path()));
  }
}

TEST_CASE("a GGUF that cannot be is refused") {
  io::gguf_writer writer;
  writer.whole("key", 1).tensor("a", {32}, dtype::q8_0);
  REQUIRE_THROWS_WITH(writer.whole("key", 2), Equals("key: this key is there twice"));
  REQUIRE_THROWS_WITH(writer.tensor("a", {32}, dtype::f32), Equals("a: a tensor of this name is there twice"));
  REQUIRE_THROWS_WITH(writer.tensor("b", {33}, dtype::q8_0),
                      Equals("b: length of a row in q8_0 (expected a multiple of 32, found 33)"));
  REQUIRE_THROWS_WITH(
      writer.tensor("b", {32}, dtype::q8_f32),
      Equals("GGUF: format (expected f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, q4_k, q5_k or q6_k, found q8_f32)"));
  REQUIRE_THROWS_WITH(writer.write("/dev/full", ramps({32})),
                      Equals("/dev/full: cannot be written: No space left on device"));
  test::temporary_folder const folder;
  REQUIRE_THROWS_WITH(writer.write((folder.path() / "x").string(), ramps({64})),
                      EndsWith("x: a: number of values (expected 32, found 64)"));
  REQUIRE_THROWS_WITH(writer.write((folder.path() / "x").string(), ramps({31})),
                      EndsWith("x: a: number of values (expected 32, found 31)"));
  REQUIRE(fs::is_empty(folder.path()));
}
