#include "cria/text/hugging_face.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "cria/text/files.hpp"
#include "support/paths.hpp"

using namespace cria;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Equals;
using io::json;

namespace {

void refuses(json const& content, std::string const& message) {
  auto const bytes = content.dump();
  REQUIRE_THROWS_WITH(text::open_tokenizer(io::mapped_file("file", std::as_bytes(std::span(bytes)))),
                      Equals("file: " + message));
}

std::unique_ptr<text::tokenizer> open(json const& content, json const& config = {}) {
  auto const bytes = content.dump();
  return text::open_tokenizer(io::mapped_file("file", std::as_bytes(std::span(bytes))), config);
}

/// The smallest tokenizers of both kinds.
json bytes_json() {
  return {{"added_tokens",
           {{{"id", 3}, {"content", "<s>"}, {"special", true}}, {{"id", 4}, {"content", "[x]"}, {"special", false}}}},
          {"normalizer", nullptr},
          {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
          {"post_processor",
           {{"type", "TemplateProcessing"}, {"single", {{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}}}}}},
          {"model", {{"type", "BPE"}, {"vocab", {{"a", 0}, {"b", 1}, {"ab", 2}}}, {"merges", {"a b"}}}}};
}
json pieces_json() {
  return {{"normalizer", {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "\u2581"}}},
          {"model",
           {{"vocab", {{"a", 0}, {"\u2581", 1}, {"\u2581a", 2}, {"<0x0A>", 3}, {"<unk>", 4}}},
            {"merges", json::array({json::array({"\u2581", "a"})})},
            {"byte_fallback", true},
            {"unk_token", "<unk>"}}}};
}

json changed(json content, std::string const& at, json const& value) {
  content[json::json_pointer(at)] = value;
  return content;
}

}  // namespace

TEST_CASE("texts have the ids that tokenizers gives them") {
  std::string const name =
      GENERATE("gpt2", "smollm", "llama3", "qwen2", "llama2", "mistral", "mistral3", "always", "gemma", "zephyr_special");
  INFO(name);
  auto const path = test::golden_file("tokenizers/" + name).string();
  auto const t = text::open_tokenizer(path);
  auto const cases = test::read_json(path + "/cases.json");
  REQUIRE(cases.size() >= 50);
  for (auto const& c : cases) {
    auto const given = c["text"].get<std::string>();
    INFO(c["text"]);
    auto const ids = t->encode(given);
    CHECK(ids == c["ids"].get<std::vector<int>>());
    CHECK(t->encode(given, true) == c["special"].get<std::vector<int>>());
    if (!t->tokens().nfc && !t->tokens().lenient_prefix && given.find("\u2581") == std::string::npos)
      CHECK(t->decode(ids) == given);
  }
}

TEST_CASE("texts are cut into the words that tokenizers cuts") {
  auto const [name, rule] = GENERATE(table<std::string, std::string>(
      {{"gpt2", "gpt-2"}, {"smollm", "smollm"}, {"llama3", "llama-bpe"}, {"qwen2", "qwen2"}}));
  for (auto const& c : test::read_json(test::golden_file("tokenizers/" + name + "/cases.json"))) {
    auto const text = c["text"].get<std::string>();
    auto const given = name == "qwen2" ? text::form_c(text).value_or(text) : text;
    std::vector<std::string> words;
    text::for_each_word(given, *text::word_rule_of(rule), [&](std::string_view word) { words.emplace_back(word); });
    INFO(name << ": " << c["text"]);
    CHECK(words == c["words"].get<std::vector<std::string>>());
  }
}

TEST_CASE("tokenizer_config.json names bos and eos") {
  auto const plain = open(bytes_json());
  REQUIRE(std::array{plain->bos(), plain->eos()} == std::array{3, -1});
  REQUIRE(plain->add_bos());
  REQUIRE(plain->encode("ab[x]<s>", true) == std::vector{2, 4, 3});
  REQUIRE(plain->find_special("[x]") == -1);
  auto const configured =
      open(bytes_json(), {{"bos_token", {{"content", "<s>"}}}, {"eos_token", "<s>"}, {"add_bos_token", false}});
  REQUIRE(std::array{configured->bos(), configured->eos()} == std::array{3, 3});
  REQUIRE_FALSE(configured->add_bos());
  auto const none = open(bytes_json(), {{"bos_token", nullptr}, {"eos_token", "</s>"}});
  REQUIRE(std::array{none->bos(), none->eos()} == std::array{3, -1});  // what is put in front is bos
  auto const pieces = open(pieces_json());
  REQUIRE(pieces->encode("a a\n\xc3\xa9") == std::vector{0, 2, 3, 4});
}

TEST_CASE("a folder's files: which is the tokenizer, and the template") {
  test::temporary_folder const folder;
  auto const path = folder.path().string();
  REQUIRE_THROWS_WITH(text::tokenizer_file(path), ContainsSubstring("has no tokenizer"));
  std::filesystem::create_symlink("tokenizer.json", folder.path() / "tokenizer.json");
  REQUIRE_THROWS_WITH(text::open_tokenizer(path), ContainsSubstring("tokenizer.json: cannot be opened: Too many levels"));
  std::filesystem::remove(folder.path() / "tokenizer.json");
  auto const json_file = folder.write("tokenizer.json", bytes_json().dump());
  REQUIRE(text::tokenizer_file(path) == json_file);
  REQUIRE(text::open_tokenizer(path)->eos() == -1);
  REQUIRE(text::chat_template(path).empty());
  folder.write("tokenizer_config.json", R"({"eos_token": "<s>", "chat_template": "{{ one }}"})");
  REQUIRE(text::open_tokenizer(path)->eos() == 3);
  REQUIRE(text::chat_template(path) == "{{ one }}");
  folder.write("tokenizer_config.json",
               R"({"chat_template": [{"name": "rag", "template": "x"}, {"name": "default", "template": "two"}]})");
  REQUIRE(text::chat_template(path) == "two");
  folder.write("tokenizer_config.json", R"({"chat_template": 3})");
  REQUIRE(text::chat_template(path).empty());
  folder.write("chat_template.jinja", "three");
  REQUIRE(text::chat_template(path) == "three");
  folder.write("tokenizer_config.json", "[]");
  REQUIRE_THROWS_WITH(text::open_tokenizer(path),
                      Equals(path + "/tokenizer_config.json: content (expected a JSON object, found array)"));
  auto const model = folder.write("tokenizer.model", "");
  REQUIRE(text::tokenizer_file(path) == model);
  folder.write("added_tokens.json", "{}");
  REQUIRE(text::tokenizer_file(path) == json_file);
}

TEST_CASE("a tokenizer.json that the library cannot follow is refused") {
  auto const bytes = bytes_json(), pieces = pieces_json();
  refuses(json::object(), "model (expected object, found something else)");
  refuses(changed(bytes, "/model/type", "Unigram"), "type of the model (expected BPE, found \"Unigram\")");
  refuses(changed(bytes, "/model/dropout", 0.1), "dropout is not supported (expected none, found 0.1)");
  refuses(changed(bytes, "/model/end_of_word_suffix", "</w>"),
          "end_of_word_suffix is not supported (expected none, found \"</w>\")");
  refuses(changed(bytes, "/model/vocab", 3), "vocab (expected object, found something else)");
  refuses(changed(bytes, "/model/vocab/c", -1), "id of a token (expected 0 to 16777215, found -1)");
  refuses(changed(bytes, "/model/vocab/c", 5000), "id of a token (expected less than 1036, found 5000)");
  refuses(changed(bytes, "/model/vocab/c", 2), "token 2 (expected one text, found two)");
  refuses(changed(bytes, "/model/merges", "x"), "merges (expected array, found something else)");
  refuses(changed(bytes, "/model/merges/0", 1), "merge 0 (expected \"left right\" or [left, right], found 1)");
  refuses(changed(bytes, "/model/merges/0", "b a"), "merge 0 (expected two tokens whose union is a token, found b a)");
  refuses(changed(bytes, "/model/merges/0", json{"a", 1}),
          "merge 0 (expected \"left right\" or [left, right], found [\"a\",1])");
  refuses(changed(bytes, "/added_tokens", "x"), "added_tokens (expected an array, found \"x\")");
  refuses(changed(bytes, "/added_tokens/0", "x"), "content (expected string, found something else)");
  refuses(changed(bytes, "/added_tokens/1/lstrip", true), "lstrip of an added token (expected false, found \"[x]\")");
  refuses(changed(bytes, "/normalizer", {{"type", "Lowercase"}}),
          "normalisation of the text is not supported (expected none or NFC, found {\"type\":\"Lowercase\"})");
  refuses(changed(bytes, "/pre_tokenizer/add_prefix_space", true),
          "pre_tokenizer is not supported (expected the rule of GPT-2, Llama 3 or Qwen2, "
          "found {\"add_prefix_space\":true,\"type\":\"ByteLevel\"})");
  json const split{{"type", "Split"}, {"pattern", {{"Regex", "x"}}}, {"behavior", "Isolated"}, {"invert", false}};
  json const bare{{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
  refuses(changed(bytes, "/pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", {split, bare}}}),
          "expression for words is not supported (expected that of GPT-2, Llama 3 or Qwen2, found {\"Regex\":\"x\"})");
  REQUIRE_THROWS_WITH(open(changed(bytes, "/pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", {bare, split}}})),
                      ContainsSubstring("file: pre_tokenizer is not supported"));
  refuses(changed(bytes, "/pre_tokenizer", nullptr),
          "kind of the tokenizer (expected ByteLevel words, or pieces with byte_fallback, found another)");
  refuses(changed(pieces, "/normalizer", nullptr), "sign for blanks (expected \u2581, found none)");
  refuses(
      changed(pieces, "/pre_tokenizer", {{"type", "Whitespace"}}),
      "pre_tokenizer is not supported (expected Metaspace without split, or none, found {\"type\":\"Whitespace\"})");
  refuses(changed(pieces, "/pre_tokenizer", {{"type", "Metaspace"}, {"replacement", "\u2581"}, {"split", true}}),
          "pre_tokenizer is not supported (expected Metaspace without split, or none, found "
          "{\"replacement\":\"\\u2581\",\"split\":true,\"type\":\"Metaspace\"})");
  refuses(changed(pieces, "/model/merges", json::array()), "merges (expected one and more, found none)");
  refuses(changed(pieces, "/normalizer", "x"),
          "not a tokenizer (expected members of the types that tokenizers writes, found others)");
  REQUIRE_THROWS_WITH(open(changed(pieces, "/model/merges/0", {"\u2581", "b"})),
                      ContainsSubstring("merge 0 (expected two tokens whose union"));
}
