// What is written of a tokenizer, the library reads back as the same one. Other programs' readings:
// tests/model/export.py.
#include "cria/text/export.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "support/paths.hpp"
#include "support/vocabularies.hpp"

using namespace cria;
using Catch::Matchers::ContainsSubstring;
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

TEST_CASE("a tokenizer with fewer tokens than the model has rows is filled up, wherever it comes from") {
  test::temporary_folder const folder;
  auto const pieces = test::small_pieces();
  for (auto const& from :
       {folder.write("a.model", test::sentencepiece_model(pieces)), folder.write("a.bin", test::llama2c_vocabulary(pieces)),
        folder.write("a.gguf", test::piece_gguf(pieces).str()), folder.write("b.gguf", test::byte_gguf("smollm").str()),
        test::golden_file("tokenizers/meta3/tokenizer.model").string()}) {
    CAPTURE(from);
    auto const before = text::open_tokenizer(from);
    int const size = before->size() + 3;
    io::gguf_writer writer;
    text::add_tokenizer(writer, from, size);
    io::gguf const file{io::mapped_file(folder.write("through.gguf", writer.head()))};
    auto const after = text::open_tokenizer(file);
    REQUIRE(after->size() == size);
    REQUIRE(after->tokens().tokens.back().kind == text::token_kind::unused);
    REQUIRE(file.texts("tokenizer.ggml.tokens")->back() == fmt::format("[PAD{}]", size - 1));
    REQUIRE(after->encode("banana") == before->encode("banana"));
    for (auto const& made : text::tokenizer_files(from, size))
      if (made.name == "tokenizer.gguf") REQUIRE(text::open_tokenizer(folder.write("made.gguf", made.content))->size() == size);
  }
}

TEST_CASE("what tokenizer_config.json says of pieces goes along") {
  test::temporary_folder const folder;
  fs::create_directory(folder.path() / "from");
  folder.write("from/tokenizer.model", test::sentencepiece_model(test::small_pieces()));
  folder.write("from/tokenizer_config.json", R"({"add_bos_token": false, "eos_token": "<s>"})");
  auto const from = (folder.path() / "from").string();
  auto const before = text::open_tokenizer(from), by_gguf = through_gguf(folder, from),
             by_folder = through_folder(folder, from, "to");
  REQUIRE(before->eos() == 1);
  same(*before, *by_gguf), same(*before, *by_folder);
  fs::remove(folder.path() / "to/tokenizer.model");
  auto const by_json = text::open_tokenizer((folder.path() / "to").string());
  REQUIRE(std::tuple(by_json->eos(), by_json->add_bos()) == std::tuple(1, false));
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

TEST_CASE("tokens with ranks go into folders and GGUF and come back") {
  test::temporary_folder const folder;
  auto const from = test::golden_file("tokenizers/meta3/tokenizer.model").string();
  auto const before = text::open_tokenizer(from);
  auto const by_gguf = through_gguf(folder, from), by_folder = through_folder(folder, from, "folder");
  fs::remove(folder.path() / "folder/tokenizer.gguf");
  auto const by_json = text::open_tokenizer((folder.path() / "folder").string());
  for (auto const* const after : {&by_gguf, &by_folder, &by_json}) {
    same(*before, **after);
    for (auto const& c : test::read_json(test::golden_file("tokenizers/meta3/cases.json")))
      REQUIRE((*after)->encode(c["text"].get<std::string>(), true) == c["special"].get<std::vector<int>>());
  }
}

TEST_CASE("a tokenizer.json goes into a folder as it is") {
  test::temporary_folder const folder;
  auto const from = test::golden_file("tokenizers/llama31").string();
  auto const made = through_folder(folder, from, "copy");
  REQUIRE(made->eos() == text::open_tokenizer(from)->eos());
  REQUIRE(text::chat_template((folder.path() / "copy").string()) == text::chat_template(from));
  for (auto const* const name : {"tokenizer.json", "tokenizer_config.json"})
    REQUIRE(test::read_text(folder.path() / "copy" / name) == test::read_text(fs::path(from) / name));
}

TEST_CASE("a tokenizer.json goes into a GGUF, which says what it loses") {
  struct expected {
    char const *name, *pre, *lost;
  };
  auto const [name, pre, lost] = GENERATE(values<expected>({{"gpt2", "gpt-2", ""},
                                                            {"smollm", "smollm", ""},
                                                            {"llama3", "llama-bpe", ""},
                                                            {"llama31", "llama-bpe", ""},
                                                            {"qwen2", "qwen2", "NFC"}}));
  CAPTURE(name);
  test::temporary_folder const folder;
  auto const from = test::golden_file(fmt::format("tokenizers/{}", name)).string();
  auto const before = text::open_tokenizer(from);
  io::gguf_writer writer;
  auto const said = text::add_tokenizer(writer, from, before->size() + 3);
  auto const path = folder.write("a.gguf", writer.head());
  io::gguf const file{io::mapped_file(path)};
  auto const after = text::open_tokenizer(file);
  REQUIRE(file.text("tokenizer.ggml.pre") == pre);
  REQUIRE(text::chat_template(path) == text::chat_template(from));
  REQUIRE(said.empty() == (*lost == 0));
  if (!said.empty()) REQUIRE_THAT(said[0], ContainsSubstring(lost));
  REQUIRE(after->size() == before->size() + 3);
  REQUIRE(std::array{after->bos(), after->eos(), after->eot()} == std::array{before->bos(), before->eos(), before->eot()});
  REQUIRE(after->add_bos() == before->add_bos());
  REQUIRE(after->tokens().tokens.back().kind == text::token_kind::unused);
  int different = 0;
  for (auto const& c : test::read_json(fs::path(from) / "cases.json")) {
    auto const given = c.at("text").get<std::string>();
    different += after->encode(given) != before->encode(given) || after->encode(given, true) != before->encode(given, true);
  }
  if (said.empty()) REQUIRE(different == 0);
}

TEST_CASE("pieces in a tokenizer.json become scores where merges have their order") {
  test::temporary_folder const folder;
  auto const before = text::open_tokenizer(test::stories260k_file("tok512.bin").string());
  auto json = text::pieces_json(before->tokens());
  auto const made = [&] {
    io::gguf_writer writer;
    auto const said = text::add_tokenizer(writer, folder.write("tokenizer.json", json.dump()));
    REQUIRE(said.empty());
    return text::open_tokenizer(folder.write("a.gguf", writer.head()));
  };
  auto const after = made();
  REQUIRE(after->size() == before->size());
  auto const words = test::read_text(test::golden_file("README.md"));
  REQUIRE(after->encode(words) == before->encode(words));
  REQUIRE(after->tokens().space_prefix == before->tokens().space_prefix);

  auto& merges = json["model"]["merges"];
  auto const whole = merges;
  auto const whole_of = [](auto const& m) { return m[0].template get<std::string>() + m[1].template get<std::string>(); };
  merges.erase(merges.end() - 1);
  REQUIRE_THROWS_WITH(made(), ContainsSubstring("all that make it, found"));
  merges = whole;
  for (std::size_t i = 0; i + 1 < merges.size(); ++i) {  // the last of two merges that make the same goes to the end
    if (whole_of(merges[i]) != whole_of(merges[i + 1])) continue;
    auto const moved = merges[i + 1];
    merges.erase(merges.begin() + std::ptrdiff_t(i) + 1), merges.push_back(moved);
    break;
  }
  REQUIRE(merges.back() != whole.back());
  REQUIRE_THROWS_WITH(made(), ContainsSubstring("order of merges"));
  json["model"]["merges"] = whole, json["normalizer"] = nullptr;
  json["pre_tokenizer"] = {{"type", "Metaspace"}, {"replacement", "\u2581"}, {"prepend_scheme", "first"}, {"split", false}};
  io::gguf_writer writer;
  REQUIRE(text::add_tokenizer(writer, folder.write("tokenizer.json", json.dump())).size() ==
          2);  // both rules of the blank in front
}

TEST_CASE("a tokenizer.json whose merges scores cannot say goes into no GGUF") {
  auto const from = test::golden_file(fmt::format("tokenizers/{}", GENERATE("llama2", "gemma", "mistral", "zephyr"))).string();
  io::gguf_writer writer;  // these vocabularies were learned pair by pair, and lack pairs that would make a piece
  REQUIRE_THROWS_WITH(text::add_tokenizer(writer, from), ContainsSubstring("all that make it, found"));
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
