#include "cria/train/data/corpus.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "toy.hpp"

using namespace cria;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Equals;
using test::temporary_folder;
namespace fs = std::filesystem;

TEST_CASE("a corpus is its documents, however they are kept") {
  auto const texts = test::toy_texts(200);
  temporary_folder const folder;
  auto const facts = test::write_corpus(folder.path() / "a", texts, 500);
  REQUIRE(facts.shards.size() > 5);
  for (auto const& s : facts.shards) REQUIRE(s.tokens <= 500);
  REQUIRE(test::write_corpus(folder.path() / "b", texts, 1).shards.size() == texts.size());
  REQUIRE(test::write_corpus(folder.path() / "c", texts, 1 << 20).shards.size() == 1);
  auto const memory = test::in_memory(texts);
  REQUIRE((test::all_of(*memory) == texts));
  for (auto const* const name : {"a", "b", "c"}) {
    auto const c = train::corpus::open((folder.path() / name).string());
    REQUIRE(c->tokens() == memory->tokens());
    REQUIRE(c->tokens() == facts.tokens);
    REQUIRE(c->fingerprint() == memory->fingerprint());
    REQUIRE((test::all_of(*c) == texts));
  }
  auto other = texts;
  std::swap(other[3], other[4]);
  REQUIRE(test::in_memory(other)->fingerprint() != memory->fingerprint());
}

TEST_CASE("corpus.json says what is in the folder") {
  temporary_folder const folder;
  test::write_corpus(folder.path() / "c", test::toy_texts(50), 300);
  auto const json = test::read_json(folder.path() / "c" / "corpus.json");
  REQUIRE(json["format"] == "cria corpus");
  REQUIRE(json["tokenizer"] == nlohmann::json{{"fingerprint", "0000000000001234"}, {"vocabulary", 300}, {"bos", 1}});
  REQUIRE(json["sources"] ==
          nlohmann::json::array({{{"file", "toy.txt"}, {"bytes", 10}, {"documents", 50}, {"tokens", 20}}}));
  for (auto const& s : json["shards"]) REQUIRE(fs::file_size(folder.path() / "c" / s["file"]) == s["bytes"]);
}

TEST_CASE("a corpus whose parts don't fit is refused") {
  temporary_folder const folder;
  auto const path = folder.path() / "c";
  test::write_corpus(path, test::toy_texts(50), 300);
  auto const good = test::read_json(path / "corpus.json");
  auto const refuses = [&](nlohmann::json const& json, std::string const& message) {
    folder.write("c/corpus.json", json.dump());
    REQUIRE_THROWS_WITH(train::corpus::open(path.string()), ContainsSubstring(message));
  };
  auto const with = [&](std::string const& place, nlohmann::json const& value) {
    auto copy = good;
    copy[nlohmann::json::json_pointer(place)] = value;
    return copy;
  };
  refuses(nlohmann::json::array(), "expected a JSON object, found array");
  refuses(with("/format", "x\ny"), "format (expected cria corpus, found x?y)");
  refuses(with("/format", 3), "format (expected a text, found 3)");
  refuses(with("/version", 2), "version (expected 1, found 2)");
  refuses(with("/shards", nlohmann::json::array()), "shards (expected one at least, found none)");
  refuses(with("/shards", 1), "shards (expected a list, found 1)");
  refuses(with("/shards/0", 1), "shard 0: not understood (expected a JSON object, found number)");
  for (auto const* const name : {"", "../c/00000.tokens", ".", "..", "/etc/passwd"})
    refuses(with("/shards/0/file", name), "file of shard 0 (expected a name in this folder");
  refuses(with("/shards/0/file", std::string("00000.tokens\0x", 14)), "expected a name in this folder");
  refuses(with("/shards/0/file", "00001.tokens"), "shard 0: ");
  refuses(with("/shards/1/file", "none.tokens"), "none.tokens: cannot be opened");
  refuses(with("/shards/0/bytes", 1), "shard 0: bytes (expected ");
  refuses(with("/shards/0/tokens", -1), "shard 0: tokens (expected a whole number, found -1)");
  refuses(with("/shards/0/tokens", 1), "shard 0: tokens");
  refuses(with("/shards/0/documents", 1e99), "shard 0: documents");
  refuses(with("/shards/0/checksum", "0000000000000000"), "shard 0: checksum");
  refuses(with("/documents", 49), "documents (expected 50, found 49)");
  refuses(with("/tokens", 49), "tokens");
  refuses(with("/tokenizer/fingerprint", "0000000000001235"),
          "fingerprint (expected 0000000000001234, found 0000000000001235)");
  refuses(with("/tokenizer/vocabulary", 301), "vocabulary (expected 300, found 301)");
  refuses(with("/tokenizer/bos", 0), "bos");
  for (auto const& [name, value] : good.items()) {
    if (name == "sources") continue;  // for people
    auto copy = good;
    copy.erase(name);
    refuses(copy, name + " is missing");
  }
  auto const text = good.dump();
  for (std::size_t size = 0; size < text.size(); ++size) {
    folder.write("c/corpus.json", text.substr(0, size));
    REQUIRE_THROWS_AS(train::corpus::open(path.string()), error);
  }
  folder.write("c/corpus.json", text);
  train::corpus::open(path.string());
}

TEST_CASE("documents are checked when they are read") {
  temporary_folder const folder;
  auto const path = folder.path() / "c";
  test::write_corpus(path, {{1, 2, 3}, {1, 4, 5}, {1, 6, 7}}, 1000);
  auto const c = train::corpus::open(path.string());
  std::fstream(path / "00000.tokens", std::ios::in | std::ios::out | std::ios::binary).seekp(16 + 2 * 4).put(9);
  c->read(0);
  REQUIRE_THROWS_WITH(c->read(1), ContainsSubstring("checksum of document 1 (expected "));
  c->read(2);
  fs::resize_file(path / "00000.tokens", 20);
  REQUIRE_THROWS_WITH(c->read(2), ContainsSubstring("00000.tokens: the file ends inside the tokens"));

  test::write_corpus(folder.path() / "d", {{1, 2, 300}, {2, 1}}, 1000);  // not what a writer may be given
  auto const d = train::corpus::open((folder.path() / "d").string());
  REQUIRE_THROWS_WITH(d->read(0), ContainsSubstring("token of document 0 (expected 0 to 299, found 300)"));
  REQUIRE_THROWS_WITH(d->read(1), ContainsSubstring("first token of document 1 (expected bos, 1, found 2)"));
}

TEST_CASE("a corpus appears whole or not at all") {
  temporary_folder const folder;
  auto const path = (folder.path() / "c").string();
  auto const write = [&] { test::write_corpus(path, test::toy_texts(3)); };
  {
    train::corpus_writer writer(path, test::toy_vocabulary(), 1);
    for (auto const& t : test::toy_texts(3)) writer.add(t);
    REQUIRE_FALSE(fs::exists(path));
  }
  REQUIRE(fs::is_empty(folder.path()));
  REQUIRE_THROWS_WITH(test::write_corpus(path, {}),
                      Equals(path + ": nothing to write (expected one document at least, found none)"));
  REQUIRE_THROWS_WITH(test::write_corpus("", {}), Equals("corpus: its folder (expected a name, found none)"));
  folder.write("c", "");
  REQUIRE_THROWS_WITH(write(), Equals(path + ": cannot be made (expected a new folder, found something of this name)"));
  fs::remove(path), fs::create_directory(path);
  folder.write("c/file", "");
  REQUIRE_THROWS_WITH(write(),
                      Equals(path + ": cannot be made (expected a new or empty folder, found one with files)"));
  fs::remove(fs::path(path) / "file");
  write();
  REQUIRE(train::corpus::open(path)->size() == 3);
  REQUIRE(std::distance(fs::directory_iterator(folder.path()), {}) == 1);
}
