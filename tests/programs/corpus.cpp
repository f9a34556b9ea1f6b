// Corpora as a user makes them.
#include "cria/train/data/corpus.hpp"

#include "cria/text/files.hpp"
#include "process.hpp"

using namespace cria;
using namespace cria::test;
namespace fs = std::filesystem;

namespace {

using arguments = std::vector<std::string>;

arguments with_tokenizer(arguments given) {
  given.insert(given.end(), {"--tokenizer", stories260k_file("tok512.bin").string()});
  return given;
}

std::string content(fs::path const& folder) {
  std::string all;
  std::vector<fs::path> files;
  for (auto const& f : fs::directory_iterator(folder)) files.push_back(f.path());
  std::ranges::sort(files);
  for (auto const& f : files) all += f.filename().string() + "\n" + read_text(f);
  return all;
}

}  // namespace

TEST_CASE("a corpus of texts and JSON lines, the same for any number of threads") {
  temporary_folder const folder;
  std::string text, lines;
  for (int i = 0; i < 9000; ++i) {
    auto const story = "Once upon a time there were " + std::to_string(i) + " cats.";
    text += story + "\n<|endoftext|>\n";
    if (i % 10 == 0) lines += "{\"story\": \"" + story + "\"}\n";
  }
  auto const a = folder.write("a.txt", text), b = folder.write("b.jsonl", lines);
  auto const out = [&](std::string const& name) { return (folder.path() / name).string(); };
  auto const make = [&](std::string const& name, std::string const& threads) {
    auto const o = run("corpus", with_tokenizer({a, b, "--separator", "<|endoftext|>", "--field", "story",
                                                 "--shard-tokens", "40000", "--threads", threads, "--out", out(name)}));
    INFO(o.err);
    REQUIRE(o.code == 0);
    REQUIRE(o.err.empty());
    return o.out;
  };
  auto const said = make("one", "1");
  REQUIRE(said.find("9900 documents of 2 files") != std::string::npos);
  for (auto const* const threads : {"2", "5"}) {
    make(threads, threads);
    REQUIRE(content(out(threads)) == content(out("one")));
  }
  auto const c = train::corpus::open(out("one"));
  REQUIRE(c->size() == 9900);
  auto const tokens = text::open_tokenizer(stories260k_file("tok512.bin").string());
  REQUIRE(tokens->decode(c->read(17)) == "Once upon a time there were 17 cats.");
  REQUIRE(tokens->decode(c->read(9001)) == "Once upon a time there were 10 cats.");
}

TEST_CASE("a separator may have line ends") {
  temporary_folder const folder;
  auto const text = folder.write("a", "One\n---\nTwo --- still\n---\nThree"), out = (folder.path() / "out").string();
  REQUIRE(run("corpus", with_tokenizer({text, "--separator", "\\n---\\n", "--out", out})).code == 0);
  REQUIRE(train::corpus::open(out)->size() == 3);
}

TEST_CASE("what cannot become a corpus leaves nothing") {
  temporary_folder const folder;
  auto const out = (folder.path() / "out").string(), good = folder.write("good.txt", "Once upon a time"),
             bad = folder.write("bad.jsonl", "{\"text\": \"a\"}\n{\"text\": 1}\n"),
             binary = folder.write("binary", "ab\xff"), blank = folder.write("blank", " \n");
  auto const refused = [&](arguments const& given, std::string const& message) {
    check_refused("corpus", with_tokenizer(given), message);
    CHECK_FALSE(fs::exists(out));
    CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 4);
  };
  refused({good}, "--out is required");
  refused({"--out", out}, "inputs");
  refused({good, "none.txt", "--out", out}, "none.txt: cannot be opened");
  refused({good, bad, "--out", out}, "bad.jsonl: line 2: text (expected a text, found number)");
  refused({good, binary, "--out", out}, "binary: byte 2 (expected UTF-8, found 0xff)");
  refused({blank, "--out", out}, "nothing to write");
  refused({good, "--out", out + "/deep/er"}, "cannot be written");
  refused({good, "--out", out, "--threads", "0"}, "--threads: out of range");
  refused({good, "--out", out, "--threads", "many"}, "--threads: not understood");
  refused({good, "--out", out, "--shard-tokens", "0"}, "--shard-tokens: out of range");
  refused({good, "--out", out, "--shard-tokens", "-1"}, "--shard-tokens: not understood");
  refused({good, "--out", out, "--document-bytes", "63"},
          "--document-bytes: out of range (expected 64 to 8388608, found 63)");
  refused({good, "--out", out, "--wrong"}, "--wrong");
  refused({good, "--out", good}, "cannot be made (expected a new folder");
  refused({good, "--out", folder.path().string()},
          "cannot be made (expected a new or empty folder, found one with files)");
  check_refused("corpus", {good, "--out", out}, "--tokenizer: required");
  check_refused("corpus", {good, "--out", out, "--tokenizer", good}, "not a tokenizer");
}
