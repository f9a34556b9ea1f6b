// A model that was written is read back bit for bit, by the library and, where they are installed, by transformers and
// llama.cpp.
#include "cria/model/export.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "cria/text/export.hpp"
#include "support/files.hpp"
#include "support/paths.hpp"
#include "support/python.hpp"

using namespace cria;
using namespace cria::llama2;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Equals;
namespace fs = std::filesystem;

namespace {

std::vector<float> values(checkpoint const& file, std::string_view name, int layer) {
  return weights_of(file).values(*std::ranges::find(file.weights(), name, &weight_info::name), layer);
}

void same_shape(hyperparameters const& a, hyperparameters const& b) {
  REQUIRE(std::array{a.embed, a.layers, a.heads, a.kv_heads, a.head_dim, a.hidden, a.vocabulary, a.context} ==
          std::array{b.embed, b.layers, b.heads, b.kv_heads, b.head_dim, b.hidden, b.vocabulary, b.context});
  REQUIRE(float(a.rope.theta) == float(b.rope.theta));
  REQUIRE(float(a.norm_eps) == float(b.norm_eps));
  REQUIRE(a.tied == b.tied);
}

/// `to` has the weights of `from` after a stay in `format(name)`.
void same_weights(checkpoint const& from, checkpoint const& to, auto const& format) {
  same_shape(from.shape(), to.shape());
  for (auto const& [w, layer] : places_of(from.shape())) {
    auto expected = values(from, w.name, layer);
    auto const f = format(w);
    decode(f, encode(f, expected), expected);
    REQUIRE(test::raw(values(to, w.name, layer)) == test::raw(expected));
  }
}

std::vector<std::string> models(test::temporary_folder const& folder) {
  auto wide = test::tiny_gguf{.head_dim = 16, .tied = false};
  wide.extra = [](auto& w) { w.f32("llama.rope.freq_base", 500000).strings("unrelated", {"x"}); };
  return {test::stories260k_file("stories260K.bin").string(), folder.write("wide.gguf", wide.str()),
          folder.write("tiny.bin", test::tiny_llama2c{.kv_heads = 4, .tied = false}.str()),
          test::golden("forward/gqa").string(), test::golden("forward/head_dim").string()};
}

/// stories260K as it was exported, read by a program that is not this one.
void check_written(std::string const& reader) {
  test::temporary_folder const folder;
  auto const from = checkpoint::open(test::stories260k_file("stories260K.bin").string());
  auto const tokenizer = test::stories260k_file("tok512.bin").string();
  write_hugging_face(folder.path() / "hf", from.shape(), dtype::f32, weights_of(from), {1, 2},
                     text::tokenizer_files(tokenizer));
  io::gguf_writer file;
  text::add_tokenizer(file, tokenizer);
  write_gguf((folder.path() / "f32.gguf").string(), file, from.shape(), dtype::f32, weights_of(from));
  nlohmann::json texts = nlohmann::json::array();
  for (auto const* const text : {"Once upon a time", "  a  b ", "\n", "Hello, world! 123\n\tπ 🙂  x",
                                 "aaaaaaa banana", "The little cat's tail"})
    texts.push_back({{"text", text}, {"ids", text::open_tokenizer(tokenizer)->encode(text)}});
  folder.write("texts.json", texts.dump());
  test::check_with_python(fs::path(__FILE__).parent_path() / "export.py", reader,
                          {folder.path().string(), test::golden_file("decode").string()});
}

}  // namespace

TEST_CASE("a folder in Hugging Face's layout holds every bit") {
  test::temporary_folder const folder;
  for (auto const& path : models(folder)) {
    auto const from = checkpoint::open(path);
    for (auto const format : {dtype::f32, dtype::f16, dtype::bf16}) {
      auto const made = folder.path() / "made";
      write_hugging_face(made, from.shape(), format, weights_of(from), {1, 2}, {{"beside", "content"}});
      auto const to = checkpoint::open(made.string());
      same_weights(from, to, [&](weight_info const&) { return format; });
      REQUIRE(to.shape().format_of("w2") == format);
      REQUIRE(test::read_text(made / "beside") == "content");
      REQUIRE_THROWS_WITH(write_hugging_face(made, from.shape(), format, weights_of(from)),
                          Equals(made.string() + ": cannot be made: Directory not empty"));
      fs::remove_all(made);
    }
  }
}

TEST_CASE("rows lie as Hugging Face has them") {
  test::temporary_folder const folder;
  auto const original = test::golden("forward/gqa");
  auto const from = checkpoint::open(original.string());
  auto const made = folder.path() / "made";
  write_hugging_face(made, from.shape(), dtype::f32, weights_of(from));
  io::safetensors const a{io::mapped_file((original / "model.safetensors").string())},
      b{io::mapped_file((made / "model.safetensors").string())};
  REQUIRE(a.tensors().size() == b.tensors().size());
  for (auto const& t : a.tensors()) REQUIRE(io::as_text(b.tensor(t.name)->bytes) == io::as_text(t.bytes));
  auto const config = test::read_json(made / "config.json");
  REQUIRE(config.at("rope_theta") == config.at("rope_parameters").at("rope_theta"));
  REQUIRE(config.at("rope_theta").is_number_float());
  REQUIRE(config.at("bos_token_id").is_null());
  for (auto const order : {row_order::meta, row_order::hugging_face}) {
    auto const back = order == row_order::meta ? row_order::hugging_face : row_order::meta;
    auto const some = test::ramp(std::size_t(from.shape().heads * from.shape().head_dim * from.shape().embed));
    auto const& h = from.shape();
    weight_info const wq{"wq", h.heads * h.head_dim, h.embed, false, true}, wo{"wo", h.embed, h.heads * h.head_dim};
    REQUIRE(reordered(order, h, wq, some) != some);
    REQUIRE(reordered(back, h, wq, reordered(order, h, wq, some)) == some);
    REQUIRE(reordered(order, h, wo, some) == some);
  }
}

TEST_CASE("a GGUF holds every bit, or the blocks it should") {
  test::temporary_folder const folder;
  auto const path = (folder.path() / "made.gguf").string();
  for (auto const& source : models(folder)) {
    auto const from = checkpoint::open(source);
    for (auto const format : {dtype::f32, dtype::f16, dtype::bf16, dtype::q8_0, dtype::q4_0, dtype::q4_1}) {
      write_gguf(path, {}, from.shape(), format, weights_of(from));
      same_weights(from, checkpoint::open(path), [&](weight_info const& w) {
        if (w.vector) return dtype::f32;
        return w.cols % facts(format).block == 0 ? format : dtype::f16;
      });
    }
  }
}

TEST_CASE("a model that cannot be written leaves nothing") {
  test::temporary_folder const folder;
  auto const from = checkpoint::open(test::stories260k_file("stories260K.bin").string());
  auto const made = folder.path() / "made";
  whole_weights const short_of_one([&](std::string_view name, int layer) {
    auto all = values(from, name, layer);
    if (name == "wk" && layer == 3) all.pop_back();
    return all;
  });
  REQUIRE_THROWS_WITH(
      write_hugging_face(made, from.shape(), dtype::f32, short_of_one),
      Equals("wk of layer 3: number of values (expected 2048, found 2047)"));
  REQUIRE_THROWS_WITH(write_gguf(made.string(), {}, from.shape(), dtype::f32, short_of_one),
                      ContainsSubstring("wk of layer 3: number of values"));
  REQUIRE_THROWS_WITH(write_hugging_face(made, from.shape(), dtype::q8_0, weights_of(from)),
                      ContainsSubstring("format (expected f32, f16 or bf16, found q8_0)"));
  REQUIRE_THROWS_WITH(write_gguf(made.string(), {}, from.shape(), dtype::q8_f32, weights_of(from)),
                      ContainsSubstring("GGUF: format (expected f32"));
  auto wrong = from.shape();
  wrong.heads = 7;
  REQUIRE_THROWS_WITH(write_hugging_face(made, wrong, dtype::f32, weights_of(from)),
                      ContainsSubstring("number of heads"));
  REQUIRE_THROWS_WITH(write_gguf(made.string(), {}, wrong, dtype::f32, weights_of(from)),
                      ContainsSubstring("number of heads"));
  REQUIRE_THROWS_WITH(write_gguf("/dev/full", {}, from.shape(), dtype::f32, weights_of(from)),
                      Equals("/dev/full: cannot be written: No space left on device"));
  REQUIRE(fs::is_empty(folder.path()));
}

TEST_CASE("transformers reads what was written") { check_written("transformers"); }
TEST_CASE("llama.cpp reads what was written") { check_written("llama_cpp"); }
