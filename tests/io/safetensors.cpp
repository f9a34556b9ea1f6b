#include "cria/io/safetensors.hpp"

#include <map>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "support/files.hpp"
#include "support/paths.hpp"

using namespace cria;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Equals;
using test::raw;

namespace {

void refuses(std::string const& header, std::string const& data, std::string const& message) {
  auto const bytes = test::safetensors(header, data);
  REQUIRE_THROWS_WITH(io::safetensors(test::as_file(bytes)), Equals("file: " + message));
}

}  // namespace

TEST_CASE("a line stays short, whatever an index and its files hold") {
  auto const refuses = [](std::string const& map, std::string const& content) {
    auto const index = R"({"weight_map": )" + map + "}";
    auto const open = [&](std::string const& name) { return test::as_file(content, name); };
    try {
      io::safetensors(test::as_file(index, "index"), open);
      FAIL("not refused");
    } catch (error const& e) {
      INFO(e.what());
      REQUIRE(std::string_view(e.what()).size() < 500);
      REQUIRE(one_line(e.what()) == e.what());
    }
  };
  std::string const longest(255, 'n'), none = test::safetensors("{}", ""),
      b = R"({"b": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}})";
  refuses(R"({"a": ")" + std::string(200'000, 'n') + "\"}", none);
  refuses(R"({")" + std::string(200'000, 'a') + R"(": "1"})", none);
  refuses(R"({"a": ")" + longest + "\"}", none);
  refuses(R"({"a": ")" + longest + "\"}", test::safetensors(b, ""));
  refuses(R"({"a": ")" + longest + R"(", "b": "1"})", test::safetensors(b, ""));
  refuses("{\"a\": \"\xc2\x9b\"}", none);
  refuses("{\"a\xc2\x9b\": \"1\"}", none);
}

TEST_CASE("safetensors are read, whatever their order in the header") {
  std::string const header =
      R"({"b": {"dtype": "I32", "shape": [2], "data_offsets": [8, 16]}, "__metadata__": {"format": "pt"},
          "a": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]},
          "scalar": {"dtype": "BF16", "shape": [], "data_offsets": [16, 18]},
          "none": {"dtype": "F64", "shape": [3, 0], "data_offsets": [16, 16]}})";
  auto const bytes =
      test::safetensors(header, raw(1.5f) + raw(-2.0f) + raw(std::int32_t(7)) + raw(std::int32_t(-8)) + "zz");
  io::safetensors const file(test::as_file(bytes));
  REQUIRE(file.tensors().size() == 4);
  REQUIRE(file.values<float>("a") == std::vector<float>{1.5f, -2});
  REQUIRE(file.values<std::int32_t>("b") == std::vector<std::int32_t>{7, -8});
  REQUIRE(file.values<double>("none").empty());
  REQUIRE(file.tensor("a")->shape == std::vector<std::uint64_t>{1, 2});
  REQUIRE(file.tensor("a")->format() == dtype::f32);
  REQUIRE(file.tensor("scalar")->format() == dtype::bf16);
  REQUIRE_FALSE(file.tensor("b")->format());
  REQUIRE(file.tensor("c") == nullptr);
  REQUIRE_THROWS_WITH(file.values<float>("c"), Equals("file: c: missing tensor"));
  REQUIRE_THROWS_WITH(file.values<float>("b"), Equals("file: b: type (expected F32, found I32)"));
}

TEST_CASE("a safetensors file that lies is refused") {
  auto const entry = [](std::string const& rest) { return R"({"t": {)" + rest + "}}"; };
  std::string const four(4, 'x');
  refuses("[]", "", "header (expected a JSON object, found array)");
  refuses("{\"t\": 1}", "", "t: description (expected a JSON object, found number)");
  refuses(entry(R"("shape": [1], "data_offsets": [0, 4])"), four, "t: dtype (expected text, found something else)");
  refuses(entry(R"("dtype": "F31", "shape": [1], "data_offsets": [0, 4])"), four,
          "t: dtype (expected a type of safetensors, found F31)");
  refuses(entry(R"("dtype": "F32", "shape": [-1], "data_offsets": [0, 4])"), four,
          "t: shape (expected an array of whole numbers, found something else)");
  refuses(entry(R"("dtype": "F32", "shape": [1], "data_offsets": [0])"), four,
          "t: data_offsets (expected two numbers, found 1)");
  refuses(entry(R"("dtype": "F32", "shape": [2], "data_offsets": [0, 8])"), four,
          "t: data outside of the file (expected within 0 to 4, found 0 to 8)");
  refuses(entry(R"("dtype": "F32", "shape": [1], "data_offsets": [4, 0])"), four,
          "t: data outside of the file (expected within 0 to 4, found 4 to 0)");
  refuses(entry(R"("dtype": "F32", "shape": [2], "data_offsets": [0, 4])"), four,
          "t: size of the data (expected 8 bytes, found 4)");
  refuses(entry(R"("dtype": "F32", "shape": [4294967296, 4294967296], "data_offsets": [0, 4])"), four,
          "t: size of the data (expected 18446744073709551615 bytes, found 4)");
  refuses(entry(R"("dtype": "F32", "shape": [1], "data_offsets": [0, 4])"), four + four,
          "size of the data (expected 4 bytes, found 8)");
  refuses(entry(R"("dtype": "F32", "shape": [1], "data_offsets": [4, 8])"), four + four,
          "t: data follows the tensor before it (expected byte 0, found byte 4)");
  refuses(
      R"({"a": {"dtype": "U8", "shape": [3], "data_offsets": [0, 3]},
          "b": {"dtype": "U8", "shape": [2], "data_offsets": [2, 4]}})",
      four, "b: data follows the tensor before it (expected byte 3, found byte 2)");
  refuses(R"({"a": {"a": {"a": {"a": {"a": {"a": 1}}}}}})", "",
          "JSON nests too deeply (expected at most 4 levels, found more)");
}

TEST_CASE("a safetensors header that doesn't fit is refused") {
  auto const with_length = [](std::uint64_t length) { return raw(length) + "{}"; };
  auto const refuses_bytes = [](std::string const& bytes, std::string const& message) {
    REQUIRE_THROWS_WITH(io::safetensors(test::as_file(bytes)), Equals("file: " + message));
  };
  refuses_bytes("1234", "the file ends inside the header's length at byte 0 (expected 8 bytes, found 4)");
  refuses_bytes(with_length(3), "the file ends inside the header at byte 8 (expected 3 bytes, found 2)");
  refuses_bytes(with_length(~0ull), "length of the header (expected at most 100000000, found 18446744073709551615)");
  refuses_bytes(with_length(1), "not JSON at byte 2");
}

TEST_CASE("every golden file is read") {
  int files = 0;
  for (auto const& entry : test::fs::recursive_directory_iterator(test::golden(""))) {
    if (entry.path().extension() != ".safetensors") continue;
    io::safetensors const file{io::mapped_file(entry.path().string())};
    REQUIRE_FALSE(file.tensors().empty());
    ++files;
  }
  REQUIRE(files > 0);
}

namespace {

std::string one_tensor(std::string const& name, float value) {
  return test::safetensors(R"({")" + name + R"(": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})",
                           raw(value));
}

/// An index whose files are held in memory.
io::safetensors open_index(std::string const& map, std::map<std::string, std::string> const& files) {
  auto const index = R"({"metadata": {"total_size": 8}, "weight_map": )" + map + "}";
  return {test::as_file(index, "index"), [&](std::string const& name) -> io::mapped_file {
            if (!files.contains(name)) throw error(name, "cannot be opened");
            return test::as_file(files.at(name), name);
          }};
}

}  // namespace

TEST_CASE("tensors in several files are found by one index") {
  auto const file = io::safetensors::open_folder(test::golden_file("formats/hugging_face").string());
  REQUIRE(file.tensors().size() == 21);
  REQUIRE(file.path().ends_with("model.safetensors.index.json"));
  REQUIRE(file.tensor("model.norm.weight")->shape == std::vector<std::uint64_t>{24});
  auto const before = file.values<float>("lm_head.weight");
  file.release(file.tensor("lm_head.weight")->bytes);
  REQUIRE(file.values<float>("lm_head.weight") == before);
  std::map<std::string, std::string> const files{{"1", one_tensor("a", 1.5f)}, {"2", one_tensor("b", 2.5f)}};
  REQUIRE(open_index(R"({"a": "1", "b": "2"})", files).values<float>("b") == std::vector{2.5f});

  test::temporary_folder const folder;
  auto const name = folder.path().string();
  REQUIRE_THROWS_WITH(
      io::safetensors::open_folder(name),
      Equals(name + ": has no weights (expected model.safetensors or model.safetensors.index.json, found neither)"));
  folder.write("model.safetensors.index.json", R"({"weight_map": {"a": "none.safetensors"}})");
  REQUIRE_THROWS_WITH(io::safetensors::open_folder(name),
                      Equals(name + "/none.safetensors: cannot be opened: No such file or directory"));
  folder.write("model.safetensors", one_tensor("a", 3));
  REQUIRE(io::safetensors::open_folder(name).values<float>("a") == std::vector{3.0f});
}

TEST_CASE("an index that lies is refused") {
  std::map<std::string, std::string> const files{
      {"1", one_tensor("a", 1.5f)}, {"2", one_tensor("b", 2.5f)}, {"3", one_tensor("a", 2.5f)}};
  auto const refuses_map = [&](std::string const& map, std::string const& message) {
    REQUIRE_THROWS_WITH(open_index(map, files), Equals(message));
  };
  refuses_map("1", "index: weight_map (expected a JSON object, found something else)");
  refuses_map(R"({"a": 1})",
              "index: a: file of the tensor (expected the name of a file in the same folder, found number)");
  for (std::string const name : {"", ".", "..", "/etc/passwd", "../1", "x/1", "x\\\\1", "line\\nbreak", "nul\\u0000"})
    REQUIRE_THROWS_WITH(open_index(R"({"a": ")" + name + "\"}", files),
                        ContainsSubstring("index: a: file of the tensor (expected the name"));
  refuses_map(R"({"a": "4"})", "4: cannot be opened");
  refuses_map(R"({"a": "1", "c": "2", "b": "2"})", "index: c: missing tensor (expected in 2, found none there)");
  refuses_map(R"({"a": "2", "b": "1"})",
              "index: a: a tensor is in another file than weight_map says (expected 2, found 1)");
  refuses_map(R"({"a": "1", "b": "2", "c": "3"})", "index: a: a tensor is in two files (expected one, found 1 and 3)");
  refuses_map(R"({"c": "1"})", "index: a: a tensor that weight_map doesn't name (expected none, found 1)");
  REQUIRE_THROWS_WITH(io::safetensors(test::as_file("[]", "index"), {}),
                      Equals("index: weight_map (expected a JSON object, found something else)"));
}
