// Everything a user can get wrong: one line, exit code 2, nothing written.
#include "process.hpp"
#include "support/files.hpp"

using namespace cria::test;

TEST_CASE("flags") {
  for (std::string const program : {"chat", "generate", "score", "tokenize", "info", "graph", "typegen"}) {
    check_refused(program, {"--model", "m", "--unknown"}, "--unknown");
    check_refused(program, {}, "required");
    check_refused(program, {"--model"}, "--model");
    check_refused(program, {"--model", "m", "--policy", "best"}, "--policy");
  }
  for (std::string const program : {"chat", "generate"}) {
    check_refused(program, with_model({"a", "--temperature", "nan"}),
                  "--temperature: out of range (expected a number from 0 to 1e6, found nan)");
    check_refused(program, with_model({"a", "--temperature", "-1"}), "--temperature");
    check_refused(program, with_model({"a", "--temperature", "warm"}),
                  "--temperature: not understood (expected a number, found warm)");
    check_refused(program, with_model({"a", "--top-p", "2"}),
                  "--top-p: out of range (expected a number from 0 to 1, found 2)");
    check_refused(program, with_model({"a", "--min-p", "1.5"}), "--min-p");
    check_refused(program, with_model({"a", "--top-k", "-1"}), "--top-k");
    check_refused(program, with_model({"a", "--top-k", "1.5"}),
                  "--top-k: not understood (expected a whole number, found 1.5)");
    check_refused(program, with_model({"a", "--max-tokens", "0"}), "--max-tokens");
    check_refused(program, with_model({"a", "--seed", "-3"}), "--seed");
    check_refused(program, with_model({"a", "b"}), "b");
    check_refused(program, with_model({"a", "--policy", "exact"}), "--policy");
  }
  for (std::string const n : {"0", "-1"})
    check_refused("chat", with_model({"a", "--context", n}),
                  "--context: out of range (expected a positive number, found " + n + ")");
  check_refused("chat", with_model({"a", "--context", "513"}), "--context: out of range (expected 1 to 512, found 513)");
  check_refused("chat", with_model({"a", "--context", "many"}),
                "--context: not understood (expected a whole number, found many)");
  check_refused("graph", with_model({"--stage", "done"}), "--stage");
  check_refused("graph", with_model({"--format", "png"}), "--format");
}

TEST_CASE("texts") {
  check_refused("chat", with_model({"Once upon a time", "--context", "4"}),
                "longer than the context (expected fewer than 4 tokens");
  for (std::string const program : {"chat", "generate"}) {
    check_refused(program, with_model({""}), "empty");
    check_refused(program, with_model({"ab\xff"}), "byte 2 (expected UTF-8, found 0xff)");
    std::string longer;
    for (int i = 0; i < 600; ++i) longer += "x y ";
    check_refused(program, with_model({longer}), "longer than the context (expected fewer than 512 tokens");
  }
  check_refused("generate", with_model({}), "text, --prompts: which to go on with (expected one of them, found none)");
  check_refused("chat", with_model({}), "empty", "\n");
  check_refused("chat", with_model({}), "byte 1", "a\xc3(");
  check_refused("chat", with_model({"a", "--system", "\xed\xa0\x80"}), "--system");
  check_refused("tokenize", with_model({}), "stdin: byte 3 (expected UTF-8, found 0xe2)", "abc\xe2\x82");
  check_refused("tokenize", with_model({"--decode"}), "512", "512");
  check_refused("tokenize", with_model({"--decode"}), "not a list of tokens", "403 x");
  check_refused("tokenize", with_model({"--decode"}), "not a list of tokens", "99999999999");
}

TEST_CASE("many texts, and guesses") {
  temporary_folder const folder;
  auto const file = [&](std::string const& name, std::string const& content) {
    return with_model({"--prompts", folder.write(name, content)});
  };
  check_refused("generate", with_model({"a", "--prompts", "b"}), "found both");
  check_refused("generate", with_model({"--prompts", folder.path() / "none"}), "none: cannot be read");
  check_refused("generate", file("blank", "\n\n"), "blank: empty");
  check_refused("generate", file("bad", "a\n\xff"), "bad, line 2: byte 0 (expected UTF-8");
  check_refused("generate", file("a.jsonl", "{\"prompt\": 3}"), "a.jsonl, line 1: not understood");
  check_refused("generate", file("b.jsonl", "{\"prompt\": \"a\"}\n{\"prompt\""), "b.jsonl, line 2: not JSON");
  check_refused("generate", file("c.jsonl", "{\"prompt\": \"\"}"), "c.jsonl, line 1: empty");
  std::string longer = "short\n";
  for (int i = 0; i < 600; ++i) longer += "x y ";
  check_refused("generate", file("long", longer), "prompt 2: longer than the context");
  check_refused("generate", with_model({"a", "--batch", "0"}), "--batch: out of range");
  for (std::string const program : {"generate", "chat"}) {
    check_refused(program, with_model({"a", "--lookup", "--draft", "m"}), "excludes");
    check_refused(program, with_model({"a", "--draft", "none"}), "none");
  }
}

TEST_CASE("what to score") {
  temporary_folder const folder;
  auto const good = folder.write("good.json", "[1, 2, 3]"), text = folder.write("text", "Once upon a time");
  check_refused("score", with_model({}), "--text");
  check_refused("score", with_model({"--tokens", good, "--text", text}), "both");
  check_refused("score", with_model({"--text", folder.path() / "none"}), "none: cannot be read");
  check_refused("score", with_model({"--text", folder.path()}), "cannot be read");
  check_refused("score", with_model({"--text", folder.write("empty", "")}), "empty");
  check_refused("score", with_model({"--text", folder.write("bad", "a\x80")}), "byte 1");
  check_refused("score", with_model({"--tokens", good, "--window", "1"}), "--window");
  check_refused("score", with_model({"--tokens", good, "--window", "513"}),
                "--window: out of range (expected 2 to 512, found 513)");
  check_refused("score", with_model({"--tokens", good, "--top", "-1"}), "--top");
  for (std::string const content :
       {"", "[1, 2", "{}", "[1, -2]", "[1, 2.5]", "[1, \"2\"]", "[1, 99999999999]", "[[1, 2]]"})
    check_refused("score", with_model({"--tokens", folder.write("bad.json", content)}), "bad.json");
  check_refused("score", with_model({"--tokens", folder.write("bad.json", "[1, 512]")}),
                "token 1 (expected 0 to 511, found 512)");
  check_refused("score", with_model({"--tokens", folder.write("bad.json", "[1]")}), "at least 2 tokens, found 1");
}

TEST_CASE("files") {
  temporary_folder const folder;
  auto const model = stories260k_file("stories260K.bin").string(), tokenizer = stories260k_file("tok512.bin").string();
  auto const cut = folder.write("cut.bin", read_text(model).substr(0, 5000));
  auto const nonsense = folder.write("nonsense", "This is a text and no model at all.");
  for (std::string const program : {"generate", "chat"}) {
    check_refused(program, {"a", "--model", "none"}, "none");
    check_refused(program, {"a", "--model", nonsense}, "nonsense");
    check_refused(program, {"a", "--model", cut, "--tokenizer", tokenizer}, "cut.bin");
    check_refused(program, {"a", "--model", model}, "has no tokenizer (expected --tokenizer FILE");
    check_refused(program, {"a", "--model", golden("forward/gqa").string()}, "has no tokenizer (expected tokenizer.gguf,");
    check_refused(program, {"a", "--model", model, "--tokenizer", nonsense}, "nonsense");
    check_refused(program, {"a", "--model", model, "--tokenizer", "none"}, "none");
  }
  auto const other = folder.write("other.bin", tiny_llama2c{}.str());
  check_refused("generate", {"a", "--model", other, "--tokenizer", tokenizer},
                "the tokenizer is not this model's (expected at most 40 tokens, found 512)");
  check_refused("info", {"--model", other}, "compiled for another model");
  check_refused("typegen", {"--model", nonsense}, "nonsense");
  check_refused("typegen", {"--model", folder.write("a.json", "{\"hidden_size\": 1}")}, "a.json");
  check_refused("tokenize", {"--model", model}, "stories260K.bin");
}

TEST_CASE("a full disk") {
  temporary_folder const folder;
  auto const ids = folder.write("ids.json", "[1, 2, 3]");
  std::string const message = "stdout: cannot be written";
  check_refused("chat", with_model({"a", "--max-tokens", "3"}), message, "", "/dev/full");
  check_refused("generate", with_model({"a", "--max-tokens", "3"}), message, "", "/dev/full");
  check_refused("generate", with_model({"a", "--max-tokens", "3", "--json"}), message, "", "/dev/full");
  check_refused("score", with_model({"--tokens", ids}), message, "", "/dev/full");
  check_refused("tokenize", with_model({}), message, "a", "/dev/full");
  check_refused("info", with_model({}), message, "", "/dev/full");
  check_refused("graph", with_model({}), message, "", "/dev/full");
  check_refused("typegen", {"--model", stories260k_file("stories260K.bin").string()}, message, "", "/dev/full");
  check_refused("typegen", {"--help"}, message, "", "/dev/full");
}
