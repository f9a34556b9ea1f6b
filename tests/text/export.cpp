// What is written of a tokenizer, the library reads back as the same one. Other programs' readings:
// tests/model/export.py.
#include "cria/text/export.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "support/paths.hpp"
#include "support/vocabularies.hpp"

using namespace cria;
using Catch::Matchers::EndsWith;
using Catch::Matchers::Equals;
namespace fs = std::filesystem;

namespace {

/// Writes the files for the tokenizer in `from` into a new folder `name`, and opens that.
std::unique_ptr<text::tokenizer> through_folder(test::temporary_folder const& folder, std::string const& from,
                                                std::string const& name) {
  fs::create_directory(folder.path() / name);
  for (auto const& file : text::tokenizer_files(from)) folder.write(name + "/" + file.name, file.content);
  return text::open_tokenizer((folder.path() / name).string());
}

std::unique_ptr<text::tokenizer> through_gguf(test::temporary_folder const& folder, std::string const& from) {
  io::gguf_writer writer;
  text::add_tokenizer(writer, from);
  return text::open_tokenizer(folder.write("through.gguf", writer.head()));
}

void same(text::tokenizer const& a, text::tokenizer const& b) {
  REQUIRE(a.size() == b.size());
  REQUIRE(std::array{a.bos(), a.eos(), a.eot()} == std::array{b.bos(), b.eos(), b.eot()});
  REQUIRE(a.add_bos() == b.add_bos());
  for (int id = 0; id < a.size(); ++id) {
    auto const &x = a.tokens().tokens[std::size_t(id)], &y = b.tokens().tokens[std::size_t(id)];
    REQUIRE(std::tuple(x.text, x.score, x.kind) == std::tuple(y.text, y.score, y.kind));
  }
  for (auto const* const given : {"banana", " a  b", "aaaaaaa an", "", "  ", "ab abc aab"}) {
    REQUIRE(a.encode(given) == b.encode(given));
    REQUIRE(a.decode(a.encode(given)) == given);
  }
}

}  // namespace

TEST_CASE("SentencePiece vocabularies go into folders and GGUF and come back") {
  test::temporary_folder const folder;
  auto const pieces = test::small_pieces();
  auto const model = folder.write("a.model", test::sentencepiece_model(pieces));
  for (auto const& from :
       {model, folder.write("a.bin", test::llama2c_vocabulary(pieces)),
        folder.write("a.gguf", test::piece_gguf(pieces).str()), test::stories260k_file("tok512.bin").string()}) {
    auto const before = text::open_tokenizer(from);
    auto const name = fs::path(from).extension().string();
    fs::remove_all(folder.path() / name);
    same(*before, *through_folder(folder, from, name));
    same(*before, *through_gguf(folder, from));
    fs::remove_all(folder.path() / "again");
    same(*before, *through_folder(folder, (folder.path() / name).string(), "again"));
  }
  REQUIRE(test::read_text(folder.path() / ".model/tokenizer.model") == test::read_text(model));
}

TEST_CASE("a byte-level vocabulary goes with its file's keys") {
  test::temporary_folder const folder;
  auto const from = folder.write(
      "a.gguf",
      test::byte_gguf("smollm").string("tokenizer.chat_template", "{{ words }}").u32("llama.block_count", 3).str());
  auto const before = text::open_tokenizer(from);
  same(*before, *through_folder(folder, from, "folder"));
  same(*before, *through_gguf(folder, from));
  io::gguf const made{io::mapped_file((folder.path() / "folder/tokenizer.gguf").string())};
  REQUIRE(made.text("tokenizer.chat_template") == "{{ words }}");
  REQUIRE(made.find("llama.block_count") == nullptr);
  auto const config = test::read_json(folder.path() / "folder/tokenizer_config.json");
  REQUIRE(config.at("chat_template") == "{{ words }}");
  auto const json = test::read_json(folder.path() / "folder/tokenizer.json");
  REQUIRE(json.at("model").at("merges").at(1) == nlohmann::json{"Ġ", "ab"});
  REQUIRE(json.at("pre_tokenizer").at("pretokenizers").at(0).at("type") == "Digits");
  REQUIRE(json.at("added_tokens").size() == 2);
}

TEST_CASE("a tokenizer.json goes into a folder as it is, and into no GGUF") {
  test::temporary_folder const folder;
  auto const from = test::golden_file("tokenizers/llama31").string();
  auto const made = through_folder(folder, from, "copy");
  REQUIRE(made->eos() == text::open_tokenizer(from)->eos());
  REQUIRE(text::chat_template((folder.path() / "copy").string()) == text::chat_template(from));
  for (auto const* const name : {"tokenizer.json", "tokenizer_config.json"})
    REQUIRE(test::read_text(folder.path() / "copy" / name) == test::read_text(fs::path(from) / name));
  io::gguf_writer writer;
  REQUIRE_THROWS_WITH(text::add_tokenizer(writer, from),
                      EndsWith("cannot be written into a GGUF (expected tokenizer.gguf, tokenizer.model or "
                               "tokenizer.bin, found tokenizer.json)"));
}

TEST_CASE("merges follow from pieces and scores") {
  auto const v = text::open_tokenizer(test::stories260k_file("tok512.bin").string())->tokens();
  auto const json = text::pieces_json(v);
  REQUIRE(json.at("model").at("merges").at(0) == nlohmann::json{"▁", "t"});
  REQUIRE(json.at("model").at("vocab").at("<0x0A>") == 13);
  REQUIRE(json.at("added_tokens").at(1).at("content") == "<s>");
  REQUIRE(json.at("post_processor").at("single").at(0).at("SpecialToken").at("id") == "<s>");
}

TEST_CASE("a tokenizer that cannot be written is refused") {
  test::temporary_folder const folder;
  auto const empty = folder.path().string();
  REQUIRE_THROWS_WITH(text::tokenizer_files(empty),
                      Equals(empty + ": has no tokenizer (expected tokenizer.gguf, tokenizer.model, tokenizer.bin or "
                                     "tokenizer.json, found none of them)"));
  auto pieces = test::small_pieces();
  pieces.back().text = "\xff";
  REQUIRE_THROWS_WITH(text::tokenizer_files(folder.write("a.bin", test::llama2c_vocabulary(pieces))),
                      EndsWith("a.bin: tokens (expected UTF-8, found other bytes)"));
  auto const nothing = folder.write("b.gguf", test::gguf_writer().str());
  io::gguf_writer writer;
  REQUIRE_THROWS_WITH(text::add_tokenizer(writer, nothing), Equals(nothing + ": missing key tokenizer.ggml.model"));
}
