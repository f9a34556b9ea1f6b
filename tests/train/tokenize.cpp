#include "cria/train/data/tokenize.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "cria/text.hpp"
#include "toy.hpp"

using namespace cria;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Equals;
using test::temporary_folder;
namespace fs = std::filesystem;
using texts = std::vector<std::string>;

namespace {

text::tokenizer const& tokenizer() {
  static auto const t = text::open_tokenizer(test::stories260k_file("tok512.bin").string());
  return *t;
}

/// The texts of the documents in `paths`; their tokens must be bos and what the tokenizer makes of the text.
texts documents_in(texts const& paths, train::text_format const& format = {}, int threads = 2) {
  texts out;
  train::tokenize_texts(train::find_texts(paths), tokenizer(), {.format = format, .threads = threads},
                        [&](std::span<int const> d) {
                          REQUIRE(d.size() > 1);
                          REQUIRE(d[0] == tokenizer().bos());
                          out.push_back(tokenizer().decode(d));
                          REQUIRE(std::ranges::equal(tokenizer().encode(out.back()), d.subspan(1)));
                        });
  return out;
}

std::string story(int length) {
  std::string out;
  for (int i = 0; int(out.size()) < length; ++i)
    out += "Tom had a red ball " + std::to_string(i) + (i % 3 == 2 ? ".\n\n" : ".\n");
  return out;
}

}  // namespace

TEST_CASE("a file is a document, and white space around it is none of it") {
  temporary_folder const folder;
  auto const a = folder.write("a", "\xef\xbb\xbf \n\tOnce upon\n\na time. \r\n\n"), b = folder.write("b", " \n\n"),
             c = folder.write("c", "");
  REQUIRE((documents_in({a, b, c, a}) == texts{"Once upon\n\na time.", "Once upon\n\na time."}));
}

TEST_CASE("a separator stands between documents") {
  temporary_folder const folder;
  auto const path = folder.write("a.txt", "<|e|>\nOne\n<|e|>\nTwo<|e|>Three\n\n<|e|>\n<|e|>  <|e|");
  REQUIRE((documents_in({path}, {.separator = "<|e|>"}) == texts{"One", "Two", "Three", "<|e|"}));
  REQUIRE((documents_in({folder.write("b", "a\n--\nb -- c\n--\nd")}, {.separator = "\n--\n"}) ==
           texts{"a", "b -- c", "d"}));
}

TEST_CASE("separators are found wherever the pieces in which a file is read end") {
  temporary_folder const folder;
  constexpr std::size_t piece = 1 << 20;
  std::string const separator = "<|endoftext|>";
  for (std::size_t before = 0; before <= separator.size(); ++before) {  // bytes of separators in the first piece
    texts const expected{std::string(piece - before, 'x'), std::string(piece - separator.size(), 'y'), "z"};
    auto const text = expected[0] + separator + expected[1] + separator + expected[2];
    train::text_reader reader({folder.write("a", text), text.size()}, {.separator = separator});
    train::text_record record;
    std::size_t at = 0;
    for (auto const& e : expected) {
      REQUIRE(reader.next(record));
      REQUIRE((record.text == e));
      REQUIRE(record.at == at);
      at += e.size() + separator.size();
      REQUIRE(reader.position() == std::min(at, text.size()));
    }
    REQUIRE_FALSE(reader.next(record));
  }
}

TEST_CASE("a long text is cut at blank lines") {
  temporary_folder const folder;
  auto const text = story(5000);
  train::text_reader reader({folder.write("a", text), text.size()}, {.document_bytes = 500});
  train::text_record record;
  std::string all;
  while (reader.next(record)) {
    REQUIRE(record.at == all.size());
    all += record.text;
    REQUIRE(record.text.size() <= 500);
    if (all.size() < text.size()) {
      REQUIRE(record.text.ends_with("\n\n"));
      REQUIRE(record.text.size() > 250);
    }
  }
  REQUIRE(all == text);
}

TEST_CASE("where there are no blank lines, a text is cut at lines, blanks, or characters") {
  temporary_folder const folder;
  auto const pieces = [&](std::string const& text) {
    train::text_reader reader({folder.write("a", text), text.size()}, {.document_bytes = 64});
    texts out;
    for (train::text_record record; reader.next(record);) out.push_back(record.text);
    return out;
  };
  std::string const half(40, 'x'), whole(64, 'x');
  REQUIRE((pieces(half + "\r\n\r\n" + half) == texts{half + "\r\n\r\n", half}));
  REQUIRE((pieces(half + "\n" + half) == texts{half + "\n", half}));
  REQUIRE((pieces(half + " y" + half) == texts{half + " ", "y" + half}));
  REQUIRE((pieces("a b" + whole) == texts{"a b" + whole.substr(3), "xxx"}));
  REQUIRE((pieces(whole) == texts{whole}));
  for (std::string const character : {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\xa6\x99"})
    for (std::size_t shift = 0; shift < 4; ++shift) {
      auto text = std::string(shift, 'x');
      while (text.size() < 300) text += character;
      std::string all;
      for (auto const& p : pieces(text)) {
        REQUIRE_FALSE(text::first_malformed(p));
        all += p;
      }
      REQUIRE(all == text);
    }
  auto const continuation = std::string(300, '\x80');  // no characters at all
  REQUIRE(pieces(continuation).size() < 10);
}

TEST_CASE("JSON lines are documents") {
  temporary_folder const folder;
  auto const path = folder.write("a.jsonl", R"({"text": " One\ntwo ", "id": 1})"
                                            "\r\n\n  \n"
                                            R"({"id": 2, "text": ""})"
                                            "\n"
                                            R"({"text": "\u00e9\ud83e\udd99", "title": "Three"})");
  REQUIRE((documents_in({path}) == texts{"One\ntwo", "\xc3\xa9\xf0\x9f\xa6\x99"}));
  REQUIRE(
      (documents_in({folder.write("b.jsonl", R"({"story": "S", "text": "T"})")}, {.field = "story"}) == texts{"S"}));
}

TEST_CASE("a bad JSON line is an error that names it") {
  temporary_folder const folder;
  auto const refuses = [&](std::string const& line, std::string const& message) {
    auto const path = folder.write("a.jsonl", R"({"text": "good"})"
                                              "\n\n" +
                                                  line + "\n");
    REQUIRE_THROWS_WITH(documents_in({path}), Equals(path + ": line 3: " + message));
  };
  refuses(R"({"text": "a)", "not JSON at byte 12");
  refuses(R"({"text": "a"} x)", "not JSON at byte 15");
  refuses(R"({"text": "\ud83e"})", "not JSON at byte 17");
  refuses("{\"text\": \"\xff\"}", "byte 10 (expected UTF-8, found 0xff)");
  refuses(R"(["text"])", "not understood (expected a JSON object, found array)");
  refuses(R"({"txt": "a"})", "text (expected a text, found no such member)");
  refuses(R"({"text": 3})", "text (expected a text, found number)");
  refuses(R"({"text": null})", "text (expected a text, found null)");
  refuses(R"({"text": "a", "text": "b"})", "a member is there twice (expected one text, found two)");
  refuses(std::string(100, '['), "JSON nests too deeply (expected at most 64 levels, found more)");
}

TEST_CASE("of several faults the first is named, and text that is not UTF-8 by its place") {
  temporary_folder const folder;
  auto const good = story(400'000);
  auto const path = folder.write("a.txt", good + "\xff" + good + "\xfe");
  for (int const threads : {1, 4})
    REQUIRE_THROWS_WITH(documents_in({path}, {}, threads),
                        Equals(path + ": byte " + std::to_string(good.size()) + " (expected UTF-8, found 0xff)"));
}

TEST_CASE("empty documents count against what is tokenized at once") {
  temporary_folder const folder;
  auto const path = folder.write("a.jsonl", std::string(1 << 17, '\n'));
  int batches = 0;
  train::tokenize_options const how{.format = {}, .progress = [&](std::uint64_t) { ++batches; }};
  train::tokenize_texts(train::find_texts({path}), tokenizer(), how, [](auto) {});
  REQUIRE(batches > 10);
}

TEST_CASE("a document without end is refused") {
  temporary_folder const folder;
  auto const longer = std::string(train::largest_document + 1, 'x'), fits = longer.substr(1);
  auto const read = [&](std::string const& name, std::string const& text) {
    train::text_reader reader({folder.write(name, text), text.size()}, {.separator = "--"});
    train::text_record record;
    while (reader.next(record)) {
    }
  };
  read("a", fits + "--" + fits);
  REQUIRE_THROWS_WITH(read("a", "x--" + longer),
                      ContainsSubstring("a: the document at byte 3 (expected at most 8388608 bytes, found more)"));
  REQUIRE_THROWS_WITH(read("a.jsonl", "{}\n" + longer),
                      ContainsSubstring("a.jsonl: line 2 (expected at most 8388608 bytes, found more)"));
}

TEST_CASE("a fault in a document comes before one in how a later document lies") {
  temporary_folder const folder;
  auto const path = folder.write("a.jsonl", "{}\n" + std::string(train::largest_document + 1, 'x'));
  for (int const threads : {1, 4})
    REQUIRE_THROWS_WITH(documents_in({path}, {}, threads), ContainsSubstring("line 1: text (expected a text"));
}

TEST_CASE("folders are walked in order") {
  temporary_folder const folder;
  fs::create_directories(folder.path() / "d/b/c"), fs::create_directories(folder.path() / "d/.git"),
      fs::create_directories(folder.path() / "e");
  for (auto const* const name :
       {"d/z.txt", "d/a.md", "d/b/c/1.jsonl", "d/b/2.txt", "d/.git/x.txt", "d/.h.txt", "d/image.png"})
    folder.write(name, "abc");
  texts found;
  for (auto const& f : train::find_texts({(folder.path() / "d").string(), (folder.path() / "d/image.png").string()})) {
    found.push_back(f.path.substr(folder.path().string().size() + 1));
    REQUIRE(f.bytes == 3);
  }
  REQUIRE((found == texts{"d/a.md", "d/b/2.txt", "d/b/c/1.jsonl", "d/z.txt", "d/image.png"}));
  REQUIRE_THROWS_WITH(train::find_texts({(folder.path() / "e").string()}), ContainsSubstring("no text in this folder"));
  REQUIRE_THROWS_WITH(train::find_texts({(folder.path() / "none").string()}),
                      ContainsSubstring("none: cannot be opened"));
}

TEST_CASE("the same documents for any number of threads, in memory and in files") {
  temporary_folder const folder;
  texts paths;
  for (int i = 0; i < 5; ++i) paths.push_back(folder.write(std::to_string(i) + ".txt", story(60'000 * i + 50)));
  auto const files = train::find_texts(paths);
  std::uint64_t bytes = 0, before = 0;
  for (auto const& f : files) bytes += f.bytes;
  auto const memory = train::corpus_of_texts("texts", files, tokenizer());
  for (int const threads : {1, 2, 5}) {
    train::tokenize_options const options{.format = {}, .threads = threads, .progress = [&](std::uint64_t done) {
                                            REQUIRE(done >= before);
                                            before = done;
                                          }};
    before = 0;
    auto const path = (folder.path() / ("c" + std::to_string(threads))).string();
    train::corpus_writer writer(path, train::id_of(tokenizer()), 20'000);
    auto const sources = train::tokenize_texts(files, tokenizer(), options, [&](auto d) { writer.add(d); });
    writer.finish(sources);
    REQUIRE(before == bytes);
    auto const c = train::corpus::open(path);
    REQUIRE(c->fingerprint() == memory->fingerprint());
    REQUIRE(c->vocabulary() == memory->vocabulary());
    std::uint64_t documents = 0, tokens = 0;
    for (std::size_t i = 0; i < files.size(); ++i) {
      REQUIRE(sources[i].bytes == files[i].bytes);
      documents += sources[i].documents, tokens += sources[i].tokens;
    }
    REQUIRE(documents == c->size());
    REQUIRE(tokens == c->tokens());
  }
}

TEST_CASE("a vocabulary has one fingerprint, and others have others") {
  auto const id = train::id_of(tokenizer());
  REQUIRE(id.size == 512);
  REQUIRE(id.bos == 1);
  temporary_folder const folder;
  auto bytes = test::read_text(test::stories260k_file("tok512.bin"));
  bytes[bytes.size() - 1] = '\x01';  // another last piece
  auto const other = text::open_tokenizer(folder.write("t", bytes));
  REQUIRE(train::id_of(*other).fingerprint != id.fingerprint);
}
