#include "cria/io/consolidated.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "cria/io/safetensors.hpp"
#include "support/paths.hpp"
#include "support/torch.hpp"

using namespace cria;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Equals;
using test::raw;

namespace {

/// One file with one matrix [rows, columns], beside others where a test wants them.
std::string with_matrix(std::string const& name, int rows, int columns, int start = 0) {
  return test::torch_file(
      test::pickle::dictionary(
          {{.name = name, .stored = rows * columns, .shape = {rows, columns}, .strides = {columns, 1}}}),
      {raw(test::ramp(std::size_t(rows * columns), start))});
}

io::consolidated merge(std::vector<std::string> const& contents, std::uint64_t embed) {
  std::vector<io::torch_file> files;
  for (std::size_t i = 0; i < contents.size(); ++i) files.emplace_back(test::as_file(contents[i], std::to_string(i)));
  return {std::move(files), embed};
}

std::string all_rows(io::merged_tensor const& t) {
  std::string out;
  std::vector<std::byte> room;
  for (std::uint64_t r = 0; r < t.rows(); ++r) out += io::as_text(t.row(r, room));
  return out;
}

}  // namespace

TEST_CASE("a Llama in several files is the one that was cut") {
  std::string const folder = GENERATE("meta", "meta3");
  auto const file = io::consolidated::open_folder(test::golden_file("formats/" + folder).string(), 24);
  io::safetensors const whole(io::mapped_file(test::golden_file("formats/meta_weights.safetensors").string()));
  REQUIRE(file.tensors().size() == whole.tensors().size());  // without rope.freqs
  for (auto const& t : file.tensors()) {
    INFO(t.name);
    REQUIRE(t.type == (folder == "meta" ? "F32" : "BF16"));
    auto const& expected = *whole.tensor(t.name);
    REQUIRE(t.shape == expected.shape);
    auto const rows = all_rows(t);
    std::vector<float> values(expected.bytes.size() / 4);
    decode(*t.format(), std::as_bytes(std::span(rows)), values);
    REQUIRE(raw(values) == io::as_text(expected.bytes));
    file.release(t.parts[0]);
    REQUIRE(all_rows(t) == rows);
  }
}

TEST_CASE("rows that lie in one piece are not copied") {
  std::vector<std::string> const files{with_matrix("layers.0.attention.wq.weight", 2, 3),
                                       with_matrix("layers.0.attention.wq.weight", 2, 3, 5)};
  auto const file = merge(files, 3);
  auto const& t = *file.tensor("layers.0.attention.wq.weight");
  REQUIRE(t.shape == std::vector<std::uint64_t>{4, 3});
  std::vector<std::byte> room;
  REQUIRE(t.row(3, room).data() == t.parts[1].data() + 12);
  REQUIRE(room.empty());
}

TEST_CASE("files that don't agree are refused") {
  auto const refuses = [](std::vector<std::string> const& contents, std::string const& message) {
    REQUIRE_THROWS_WITH(merge(contents, 4), Equals(message));
  };
  auto const w1 = with_matrix("layers.0.feed_forward.w1.weight", 2, 4);
  refuses({}, "consolidated: number of files (expected 1 and more, found 0)");
  refuses({w1, with_matrix("x", 2, 4)}, "1: layers.0.feed_forward.w1.weight: missing tensor");
  auto const none = test::torch_file(test::pickle::dictionary({}), {});
  refuses({none, w1}, "0: layers.0.feed_forward.w1.weight: missing tensor");
  refuses({w1, with_matrix("layers.0.feed_forward.w1.weight", 1, 4)},
          "1: layers.0.feed_forward.w1.weight: shape of its part (expected [2, 4], found [1, 4])");
  auto const half = test::torch_file(test::pickle::dictionary({{.name = "layers.0.feed_forward.w1.weight",
                                                                .kind = "HalfStorage",
                                                                .stored = 8,
                                                                .shape = {2, 4},
                                                                .strides = {4, 1}}}),
                                     {std::string(16, 'x')});
  refuses({w1, half}, "1: layers.0.feed_forward.w1.weight: type (expected F32, found F16)");
  auto const lora = with_matrix("layers.0.attention.wq.lora", 2, 4);
  refuses({lora, lora},
          "0: layers.0.attention.wq.lora: how the tensor was cut (expected a weight of a Llama, found another)");
  REQUIRE(merge({lora}, 4).tensor("layers.0.attention.wq.lora") != nullptr);  // for the reader of weights to judge
  auto const embedding = with_matrix("tok_embeddings.weight", 2, 3);
  refuses({embedding, embedding}, "0: tok_embeddings.weight: width of its part (expected 4, or 2 in each of 2 files, found 3)");
  auto const axes = [](std::vector<int> const& shape) {
    return test::torch_file(
        test::pickle::dictionary(
            {{.name = "t", .stored = 1, .shape = shape, .strides = std::vector<int>(shape.size(), 1)}}),
        {raw(1.0f)});
  };
  refuses({axes({})}, "0: t: number of axes (expected 1 or 2, found 0)");
  refuses({axes({1, 1, 1})}, "0: t: number of axes (expected 1 or 2, found 3)");
  refuses({axes({0, 1})}, "0: t: shape (expected extents of 1 and more, found 0)");
}

TEST_CASE("a file missing between others is named") {
  test::temporary_folder const folder;
  folder.write("consolidated.00.pth", with_matrix("output.weight", 2, 3));
  folder.write("consolidated.02.pth", with_matrix("output.weight", 2, 3));
  REQUIRE_THROWS_WITH(io::consolidated::open_folder(folder.path().string(), 3),
                      ContainsSubstring("consolidated.01.pth: cannot be opened"));
  REQUIRE_THROWS_WITH(io::consolidated::open_folder("/nowhere", 3), ContainsSubstring("/nowhere: cannot be read"));
}
