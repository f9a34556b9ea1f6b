// The tokenizers against the ids that the reference programs give.
#include <sstream>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "cria/text/files.hpp"
#include "support/paths.hpp"

using namespace cria;

namespace {

std::vector<int> with_bos(text::tokenizer const& t, std::string const& given, bool bos) {
  auto ids = t.encode(given);
  if (bos) ids.insert(ids.begin(), t.bos());
  return ids;
}

}  // namespace

TEST_CASE("llama.cpp's vectors") {
  std::string const name = GENERATE("ggml-vocab-gpt-2.gguf", "ggml-vocab-llama-spm.gguf");
  auto const t = text::open_tokenizer(test::data_file("tokenizer/" + name).string());
  auto const texts = test::read_text(test::data_file("tokenizer/" + name + ".inp"));
  std::istringstream lines(test::read_text(test::data_file("tokenizer/" + name + ".out")));
  std::string const separator = "\n__ggml_vocab_test__\n";
  std::string line;
  std::size_t at = 0, count = 0;
  for (; std::getline(lines, line); ++count) {
    auto const end = texts.find(separator, at);
    REQUIRE(end != std::string::npos);
    auto const given = texts.substr(at, end - at);
    at = end + separator.size();
    INFO('"' << given << '"');
    std::istringstream numbers(line);
    std::vector<int> expected;
    for (int id; numbers >> id;) expected.push_back(id);
    auto const ids = t->encode(given);
    REQUIRE(ids == expected);
    REQUIRE(t->decode(ids) == given);
  }
  REQUIRE(count > 40);
  REQUIRE(at == texts.size());
}

TEST_CASE("Llama 2's vectors, by its vocabulary in every format") {
  std::string const name = GENERATE("llama2.tokenizer.model", "llama2.tokenizer.bin", "ggml-vocab-llama-spm.gguf");
  auto const t = text::open_tokenizer(test::data_file("tokenizer/" + name).string());
  REQUIRE(t->size() == 32000);
  REQUIRE(std::array{t->bos(), t->eos(), t->eot()} == std::array{1, 2, -1});
  REQUIRE(t->add_bos());
  std::istringstream lines(test::read_text(test::data_file("tokenizer/llama2_vectors.jsonl")));
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    auto const c = nlohmann::json::parse(line);
    auto const given = c["text"].get<std::string>();
    INFO(given);
    REQUIRE(with_bos(*t, given, c["bos"]) == c["ids"].get<std::vector<int>>());
    REQUIRE(t->decode(with_bos(*t, given, c["bos"])) == given);
  }
  REQUIRE(count > 60);
}

TEST_CASE("SmolLM2's vectors, with special tokens and without") {
  auto const cases = test::read_json(test::golden_file("smollm2/tokenizer.json"));
  auto const t = text::open_tokenizer(test::smollm2_file().string());
  REQUIRE(std::array{t->bos(), t->eos(), t->eot()} == std::array{1, 2, 2});
  REQUIRE_FALSE(t->add_bos());
  REQUIRE(t->find_special("<|im_start|>") == 1);
  REQUIRE(t->find_special("hello") == -1);
  REQUIRE_FALSE(cases.empty());
  for (auto const& c : cases) {
    auto const given = c["text"].get<std::string>();
    INFO(given);
    REQUIRE(t->encode(given) == c["ids"].get<std::vector<int>>());
    REQUIRE(t->encode(given, true) == c["ids_special"].get<std::vector<int>>());
    REQUIRE(t->decode(t->encode(given)) == given);
    REQUIRE(t->decode(t->encode(given, true), true) == given);
  }
}

TEST_CASE("SmolLM2's chats, there and back") {
  auto const t = text::open_tokenizer(test::smollm2_file().string());
  for (auto const& c : test::read_json(test::golden_file("smollm2/chat.json"))) {
    REQUIRE(t->encode(c["prompt"].get<std::string>(), true) == c["prompt_ids"].get<std::vector<int>>());
    REQUIRE(t->decode(c["ids"].get<std::vector<int>>(), true) == c["text"].get<std::string>());
  }
}

TEST_CASE("stories260K's text, there and back") {
  auto const t = text::open_tokenizer(test::stories260k_file("tok512.bin").string());
  REQUIRE(t->size() == 512);
  auto const c = test::read_json(test::golden_file("decode/greedy.json"));
  if (c["header"]["vocab"] != t->size()) SKIP("the golden case is of another vocabulary");
  auto const ids = c["ids"].get<std::vector<int>>();
  REQUIRE(t->decode(ids) == c["text"].get<std::string>());
  auto const nll = test::read_json(test::golden_file("decode/nll.json"));
  auto all = with_bos(*t, nll["text"].get<std::string>(), true);
  auto const scored = nll["ids"][0].get<std::vector<int>>();  // the beginning of the text
  REQUIRE(all.size() >= scored.size());
  all.resize(scored.size());
  REQUIRE((all == scored));
}
