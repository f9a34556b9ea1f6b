// What programs print when all is well.
#include <cmath>

#include "cria/text/utf8.hpp"
#include "infer/toy_engine.hpp"
#include "process.hpp"

using namespace cria::test;
using nlohmann::json;

TEST_CASE("tokenize, and back") {
  std::string const text = "Once upon a time\n \U0001F999 there";
  auto const ids = run("tokenize", with_model({"--json"}), text);
  REQUIRE(ids.code == 0);
  auto const list = json::parse(ids.out);
  CHECK(list[0] == 403);
  CHECK(run("tokenize", with_model({"--decode"}), ids.out).out == text);
  auto const plain = run("tokenize", with_model({}), text);
  CHECK(plain.out.starts_with("403 407 "));
  CHECK(run("tokenize", with_model({"--decode", "--json"}), plain.out).out == text);
  CHECK(run("tokenize", with_model({"--json"}), "").out == "[]\n");
  CHECK(run("tokenize", with_model({"--json", "--special"}), "<s>").out == "[1]\n");
  CHECK(json::parse(run("tokenize", with_model({"--json"}), "<s>").out).size() > 1);
  CHECK(run("tokenize", with_model({"--decode", "--special"}), "1 403").out == "<s>Once");
}

TEST_CASE("generate goes on with the text") {
  auto const o = run("generate", with_model({"Once upon", "--max-tokens", "7", "--json"}));
  REQUIRE(o.code == 0);
  CHECK(o.err.empty());
  auto const result = json::parse(o.out);
  CHECK(result["prompt_tokens"] == json{1, 403, 407});
  std::vector<int> all{1, 403, 407};
  toy_engine const model(512, 100);
  for (int i = 0; i < 7; ++i) all.push_back(model.likeliest(all));
  CHECK(result["tokens"] == std::vector(all.begin() + 3, all.end()));
  auto const decoded = run("tokenize", with_model({"--decode"}), json(all).dump()).out;
  CHECK("Once upon" + result["text"].get<std::string>() == cria::text::well_formed(decoded));
  CHECK(run("generate", with_model({"Once upon", "--max-tokens", "7"})).out ==
        "Once upon" + result["text"].get<std::string>() + "\n");
}

TEST_CASE("generate goes on with the texts of a file as with each alone, in their order") {
  temporary_folder const folder;
  std::vector<std::string> const texts{"Once upon", "a", "Once upon a time there was", "Lily", "Once upon"};
  std::string lines, objects, alone, all;
  std::vector<std::string> const how{"--temperature", "0.8", "--seed", "4", "--max-tokens", "9"};
  auto const with = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), how.begin(), how.end());
    return with_model(arguments);
  };
  for (auto const& text : texts) {
    lines += text + "\n\n";
    objects += json{{"prompt", text}, {"id", 3}}.dump() + "\n";
    alone += run("generate", with({text, "--json"})).out;
    all += (all.empty() ? "" : "\n") + run("generate", with({text})).out;
  }
  auto const plain = folder.write("prompts.txt", lines), jsonl = folder.write("prompts.jsonl", objects);
  for (std::string const batch : {"1", "2", "16"}) {
    CHECK(run("generate", with({"--prompts", plain, "--batch", batch, "--json"})).out == alone);
    CHECK(run("generate", with({"--prompts", jsonl, "--batch", batch, "--json", "--lookup"})).out == alone);
    CHECK(run("generate", with({"--prompts", plain, "--batch", batch})).out == all);
  }
  auto const o = run("generate", with({"--prompts", "-"}), lines);
  CHECK(o.out == all);
  CHECK(o.err.starts_with("generate: 5 prompts, "));
}

TEST_CASE("guesses change nothing but the speed") {
  std::vector<std::string> const generate{"Once upon a time", "--max-tokens", "40", "--temperature", "0.5", "--json"},
      chat{"Hello", "--max-tokens", "30"};
  auto const with = [](std::vector<std::string> arguments, std::vector<std::string> const& more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
    return with_model(arguments);
  };
  auto const model = stories260k_file("stories260K.bin").string();
  for (std::vector<std::string> const& more : {std::vector<std::string>{"--lookup"}, {"--draft", model}}) {
    CHECK(run("generate", with(generate, more)).out == run("generate", with(generate, {})).out);
    CHECK(run("chat", with(chat, more)).out == run("chat", with(chat, {})).out);
  }
  auto const o = run("generate", with(generate, {"--draft", model}));
  CHECK(o.err.find("guessed tokens were right") != std::string::npos);
}

TEST_CASE("bos is there once") {
  auto const o = run("generate", with_model({"<s>", "--special", "--max-tokens", "1", "--json"}));
  CHECK(json::parse(o.out)["prompt_tokens"] == json{1});
}

TEST_CASE("a seed draws the same tokens") {
  auto const draw = [](std::string const& seed) {
    return run("generate", with_model({"Once", "--temperature", "1", "--max-tokens", "20", "--json", "--seed", seed}))
        .out;
  };
  CHECK(draw("3") == draw("3"));
  CHECK(draw("3") != draw("4"));
}

TEST_CASE("score adds up") {
  temporary_folder const folder;
  auto const file = folder.write("ids.json", "[1, 403, 407, 261, 378]");
  auto const o = run("score", with_model({"--tokens", file, "--window", "3", "--top", "2", "--json"}));
  REQUIRE(o.code == 0);
  auto const result = json::parse(o.out);
  CHECK(result["tokens"] == json{1, 403, 407, 261, 378});
  double sum = 0;
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(result["logprobs"][i].is_null() == (i % 3 == 0));
    CHECK(result["top"][i].size() == (i % 3 == 0 ? 0 : 2));
    if (i % 3 != 0) sum -= result["logprobs"][i].get<double>();
  }
  CHECK(std::abs(result["nll"].get<double>() - sum / 3) < 1e-12);
  CHECK(std::abs(result["perplexity"].get<double>() - std::exp(sum / 3)) < 1e-9);
  auto const text = folder.write("text", "Once upon a time");
  auto const table = run("score", with_model({"--text", text}));
  CHECK(table.code == 0);
  CHECK(table.out.starts_with("         -  1 \"<s>\"\n"));
  CHECK(table.out.find("perplexity") != std::string::npos);
}

TEST_CASE("chat answers a question or a pipe, the answer alone on stdout") {
  auto const o = run("chat", with_model({"Hello", "--max-tokens", "5", "--temperature", "0"}));
  CHECK(o.code == 0);
  CHECK(!o.out.empty());
  CHECK(o.out.back() == '\n');
  CHECK(o.err.find("tokens/s") != std::string::npos);
  CHECK(o.err.find("read bandwidth") != std::string::npos);
  CHECK(run("chat", with_model({"--max-tokens", "5", "--temperature", "0"}), "Hello\n").out == o.out);
  CHECK(run("chat", with_model({"Hello", "--max-tokens", "5", "--seed", "1"})).out !=
        run("chat", with_model({"Hello", "--max-tokens", "5", "--seed", "2"})).out);
}

TEST_CASE("chat takes no more positions than it is told") {
  std::vector<std::string> const how{"Hello", "--max-tokens", "30", "--temperature", "0"};
  auto const with = [&](std::string const& n) {
    auto all = how;
    all.insert(all.end(), {"--context", n});
    return run("chat", with_model(all));
  };
  auto const whole = run("chat", with_model(how));
  CHECK(with("512").out == whole.out);
  auto const few = with("12");
  CHECK(few.code == 0);
  CHECK(few.err.find("stopped at the end of the context") != std::string::npos);
  CHECK(few.out.size() < whole.out.size());
}

TEST_CASE("info and typegen state the type") {
  auto const file = stories260k_file("stories260K.bin").string();
  auto const type = run("typegen", {"--model", file});
  CHECK(type.code == 0);
  CHECK(type.out.find("/*kv_heads*/ 4") != std::string::npos);
  CHECK(type.out.find("cria::policy::fast<formats>") != std::string::npos);
  CHECK(run("typegen", {"--model", file, "--policy", "exact"}).out.find("cria::policy::exact<formats>") !=
        std::string::npos);
  auto const info = run("info", with_model({"--json"}));
  REQUIRE(info.code == 0);
  auto const result = json::parse(info.out);
  CHECK(result["shape"]["hidden"] == 172);
  CHECK(result["parameters"] == 260032);
  CHECK(result["bytes"] == json{{"f32", 4 * 260032}});
  CHECK(result["kernels_per_layer"] == 5);
  CHECK(type.out.find(result["type"].get<std::string>()) != std::string::npos);
  CHECK(result["parts"]["positions"] == "rotary, theta 10000");
  auto const words = run("info", with_model({})).out;
  for (char const* const part : {"260032", "attention    2 query heads for each kv head, of all positions before\n",
                                 "norms        by the root of the mean square, epsilon 1e-05\n"})
    CHECK(words.find(part) != words.npos);
  auto const dot = run("graph", with_model({"--stage", "fused", "--format", "dot"}));
  CHECK(dot.code == 0);
  CHECK(dot.out.find("digraph") != std::string::npos);
}

TEST_CASE("help goes to stdout") {
  for (std::string const program : {"chat", "generate", "score", "tokenize", "info", "graph", "typegen"}) {
    auto const o = run(program, {"--help"});
    CHECK(o.code == 0);
    CHECK(o.out.find("--model") != std::string::npos);
    CHECK(o.err.empty());
  }
}
