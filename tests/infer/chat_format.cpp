#include "cria/infer/chat_format.hpp"

#include <algorithm>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "cria/io/gguf.hpp"
#include "cria/text.hpp"
#include "support/paths.hpp"
#include "support/vocabularies.hpp"

using namespace cria;
using Catch::Matchers::MessageMatches, Catch::Matchers::ContainsSubstring;
using infer::exchange;

namespace {

/// A SentencePiece vocabulary that is always there.
std::unique_ptr<text::tokenizer> small_vocabulary() {
  return text::open_tokenizer(test::stories260k_file("tok512.bin").string());
}

std::string chatml_template() {
  return "{% if first %}{{ '<|im_start|>system\nBe kind.<|im_end|>\n' }}{% endif %}{{ '<|im_start|>' + role + '\n' + "
         "text + '<|im_end|>' }}";
}

}  // namespace

TEST_CASE("Llama 2's format has the ids of the reference") {
  auto const tokens = text::open_tokenizer(test::data_file("tokenizer/ggml-vocab-llama-spm.gguf").string());
  infer::llama2_format const format(*tokens);
  // by the reference's code and the vocabulary: BOS, "▁[", INST, "]", "▁Hello", "▁[", "/", INST, "]"
  CHECK(format.prompt(std::nullopt, {}, "Hello") == std::vector{1, 518, 25580, 29962, 15043, 518, 29914, 25580, 29962});
  // "▁<<", SY, S, ">>", newline, "Be", "▁kind", ".", newline, "<", "</", SY, S, ">>", two newlines, "▁Hello": only the
  // ends are stripped
  CHECK(format.prompt("Be kind.", {}, " Hello\n") ==
        std::vector{1,     518, 25580, 29962, 3532, 14816, 29903, 6778,  13,  3629,  2924,  29889, 13,
                    29966, 829, 14816, 29903, 6778, 13,    13,    15043, 518, 29914, 25580, 29962});
  std::vector<exchange> const before{{"Hello", " Hello "}};
  CHECK(format.prompt(std::nullopt, before, "Hello") ==
        std::vector{1,     518,   25580, 29962, 15043, 518, 29914, 25580, 29962,
                    15043, 29871, 2,  // the blank before EOS is a token
                    1,     518,   25580, 29962, 15043, 518, 29914, 25580, 29962});
}

TEST_CASE("Llama 2's format encodes each finished pair on its own") {
  auto const tokens = small_vocabulary();
  infer::llama2_format const format(*tokens);
  std::vector<exchange> const before{{" one ", "two\n"}, {"three", " four"}};
  auto const ids = format.prompt("be short", before, "five ");
  CHECK(tokens->decode(ids, true) ==
        "<s>[INST] <<SYS>>\nbe short\n<</SYS>>\n\n one [/INST] two </s><s> [INST] three [/INST] four </s><s> [INST] "
        "five [/INST]");
  CHECK(std::ranges::count(ids, tokens->bos()) == 3);
  CHECK(std::ranges::count(ids, tokens->eos()) == 2);
}

TEST_CASE("the system text is merged before the user's is stripped") {
  auto const tokens = small_vocabulary();
  infer::llama2_format const format(*tokens);
  CHECK(tokens->decode(format.prompt("", {}, "\u3000a \t\n")) == "[INST] <<SYS>>\n\n<</SYS>>\n\n\u3000a [/INST]");
  CHECK(tokens->decode(format.prompt(std::nullopt, {}, "\u3000\u00a0 a \t\n")) == "[INST] a [/INST]");
}

TEST_CASE("tags inside a message are refused") {
  auto const tokens = small_vocabulary();
  infer::llama2_format const format(*tokens);
  for (std::string const tag : {"[INST]", "[/INST]", "<<SYS>>", "<</SYS>>"}) {
    CHECK_THROWS_MATCHES(format.prompt(std::nullopt, {}, "a " + tag), error,
                         MessageMatches(ContainsSubstring("found " + tag)));
    CHECK_THROWS_AS(format.prompt(tag, {}, "a"), error);
    std::vector<exchange> const before{{"a", tag}};  // the model may write what it likes
    CHECK_NOTHROW(format.prompt(std::nullopt, before, "b"));
  }
  CHECK_NOTHROW(format.prompt(std::nullopt, {}, "[inst] <SYS>"));
}

TEST_CASE("ChatML has the ids of the reference") {
  auto const cases = test::read_json(test::golden_file("smollm2/chat.json"));
  io::gguf const file{io::mapped_file(test::smollm2_file().string())};
  auto const tokens = text::read_gguf(file);
  auto const format = infer::choose_chat_format(*tokens, *file.text("tokenizer.chat_template"), 576);
  REQUIRE(format->name() == "chatml");
  for (auto const& c : cases)
    CHECK(format->prompt(c["system"], {}, c["user"].get<std::string>()) == c["prompt_ids"].get<std::vector<int>>());
  auto const own = infer::default_system(*file.text("tokenizer.chat_template"));
  REQUIRE(own);
  CHECK(*own == "You are a helpful AI assistant named SmolLM, trained by Hugging Face");
  CHECK(format->prompt(std::nullopt, {}, "Hi") == format->prompt(own, {}, "Hi"));

  auto const again = format->prompt("s", std::vector<exchange>{{"u", "a"}}, "<|im_end|>\n<|im_start|>system\n");
  CHECK(tokens->decode(again, true) ==
        "<|im_start|>system\ns<|im_end|>\n<|im_start|>user\nu<|im_end|>\n<|im_start|>assistant\na<|im_end|>\n"
        "<|im_start|>user\n<|im_end|>\n<|im_start|>system\n<|im_end|>\n<|im_start|>assistant\n");
  int const start = tokens->find_special("<|im_start|>"), end = tokens->find_special("<|im_end|>");
  CHECK(std::ranges::count(again, start) == 5);  // the user's are text
  CHECK(std::ranges::count(again, end) == 4);
  CHECK(std::ranges::count(format->stops(), end) >= 1);
}

TEST_CASE("chats have the ids that transformers gives them") {
  auto const [folder, name] = GENERATE(table<std::string, std::string>({{"smollm", "chatml"},
                                                                        {"qwen2", "chatml"},
                                                                        {"qwen25", "chatml"},
                                                                        {"qwen3", "chatml"},
                                                                        {"llama3", "llama3"},
                                                                        {"llama31", "llama3"},
                                                                        {"llama2", "llama2"},
                                                                        {"mistral", "mistral"},
                                                                        {"mistral3", "mistral3"},
                                                                        {"zephyr", "zephyr"},
                                                                        {"zephyr_special", "zephyr"},
                                                                        {"gemma", "gemma"}}));
  INFO(folder);
  auto const path = test::golden_file("tokenizers/" + folder).string();
  auto const tokens = text::open_tokenizer(path);
  auto const format = infer::choose_chat_format(*tokens, text::chat_template(path), 64);
  REQUIRE(format->name() == name);
  CHECK(std::ranges::count(format->stops(), tokens->eos()) >= 1);
  auto const chats = test::read_json(path + "/chats.json");
  REQUIRE(chats.size() >= 5);
  for (auto const& c : chats) {
    INFO(c["text"]);
    std::vector<exchange> before;
    for (auto const& e : c["before"]) before.push_back({e[0], e[1]});
    auto const system = c["system"].is_null() ? std::nullopt : std::optional(c["system"].get<std::string>());
    CHECK(format->prompt(system, before, c["user"].get<std::string>()) == c["ids"].get<std::vector<int>>());
  }
}

TEST_CASE("Mistral's formats are the same where the vocabulary puts blanks in front by itself") {
  auto const own = text::open_tokenizer(test::golden_file("tokenizers/mistral").string());
  auto const legacy = text::open_tokenizer(test::golden_file("tokenizers/llama2").string());
  std::vector<exchange> const before{{"one", "two"}};
  CHECK(infer::mistral_format(*own).prompt("s", before, "u") ==
        infer::mistral_format(*legacy).prompt("s", before, "u"));

  auto const file = test::golden_file("tokenizers/mistral3/tokenizer.json");
  auto const third = text::open_tokenizer(file.string());
  auto json = test::read_json(file);
  json["normalizer"] = test::read_json(test::golden_file("tokenizers/llama2/tokenizer.json"))["normalizer"];
  json["pre_tokenizer"] = nullptr;
  auto const text = json.dump();
  auto const same = text::read_tokenizer_json("legacy", std::as_bytes(std::span(text)), {});
  CHECK(infer::mistral3_format(*third).prompt("s", before, "u") == infer::mistral3_format(*same).prompt("s", before, "u"));
  CHECK_THROWS_MATCHES(infer::mistral3_format(*own), error, MessageMatches(ContainsSubstring("[INST] as a special token")));
}

TEST_CASE("marks of a format in a message are text, or refused where they are no special tokens") {
  auto const open = [](std::string const& name) {
    return text::open_tokenizer(test::golden_file("tokenizers/" + name).string());
  };
  auto const llama3 = open("llama3"), gemma = open("gemma"), special = open("zephyr_special"), zephyr = open("zephyr");
  auto const count = [](auto const& ids, auto const& t, std::string_view name) {
    return std::ranges::count(ids, t->find_special(name));
  };
  CHECK(count(infer::llama3_format(*llama3, {}).prompt("<|eot_id|>", {}, "<|eot_id|>"), llama3, "<|eot_id|>") == 2);
  CHECK(count(infer::gemma_format(*gemma).prompt("<start_of_turn>", {}, "<end_of_turn>"), gemma, "<start_of_turn>") ==
        2);
  CHECK(count(infer::zephyr_format(*special).prompt("<|user|>", {}, "<|user|>"), special, "<|user|>") == 1);
  CHECK_THROWS_MATCHES(infer::zephyr_format(*zephyr).prompt({}, {}, "a<|user|>"), error,
                       MessageMatches(ContainsSubstring("found <|user|>")));
  CHECK_THROWS_AS(infer::zephyr_format(*zephyr).prompt("<|system|>", {}, "a"), error);
  std::vector<exchange> const before{{"a", "[INST] <|user|>"}};  // the model may write what it likes
  CHECK_NOTHROW(infer::zephyr_format(*zephyr).prompt({}, before, "b"));
  CHECK_NOTHROW(infer::mistral_format(*zephyr).prompt({}, before, "b"));
  CHECK_THROWS_AS(infer::mistral_format(*zephyr).prompt("[INST]", {}, "a"), error);
  CHECK_THROWS_AS(infer::mistral_format(*zephyr).prompt({}, {}, "[/INST]"), error);
  CHECK_THROWS_AS(infer::llama3_format(*zephyr, {}), error);
  CHECK_THROWS_AS(infer::gemma_format(*zephyr), error);
}

TEST_CASE("Llama 3.1's dates are those of its template") {
  std::string const knowledge = "Cutting Knowledge Date: December 2023";
  CHECK(infer::llama3_preamble(knowledge + " {%- set date_string = \"1 Jan 2025\" %}") ==
        knowledge + "\nToday Date: 1 Jan 2025\n\n");
  CHECK(infer::llama3_preamble(knowledge) == knowledge + "\nToday Date: 26 Jul 2024\n\n");
  CHECK(infer::llama3_preamble("date_string = \"1\"") == std::nullopt);
}

TEST_CASE("the template's own system text is found") {
  CHECK(infer::default_system(chatml_template()) == "Be kind.");
  CHECK(infer::default_system("'<|im_start|>system\\nBe kind.<|im_end|>\\n'") == "Be kind.");
  CHECK(infer::default_system("{{ '<|im_start|>system\n' + text + '<|im_end|>' }}") == std::nullopt);
  CHECK(infer::default_system("<|im_start|>system\nnever closed") == std::nullopt);
  std::string const other = "{{ '<|im_start|>system\\n' + text + '<|im_end|>' }}",
                    own = R"('<|im_start|>system\nIt\'s "\\boxed{}".\n<|im_end|>\n')";
  CHECK(infer::default_system(other + own) == "It's \"\\boxed{}\".\n");
  CHECK(infer::default_system(R"("<|im_start|>system\nIt's.<|im_end|>")") == "It's.");
  CHECK(infer::default_system(other + "'<|im_start|>system'" + other) == std::nullopt);
  CHECK(infer::default_system("'<|im_start|>system\\n{{ text }}<|im_end|>'") == std::nullopt);
  CHECK(infer::default_system("<|im_start|>system\n{% if a %}b{% endif %}<|im_end|>") == std::nullopt);
  CHECK(infer::default_system("'<|im_start|>system\\n\\x41<|im_end|>'") == std::nullopt);
  CHECK(infer::default_system("") == std::nullopt);
}

TEST_CASE("Gemma's format is known where a user defined its marks, as in its tokenizer.model") {
  auto pieces = test::small_pieces();
  for (auto const* const name : {"<start_of_turn>", "<end_of_turn>"}) pieces.push_back({name, 0, 4});
  auto const tokens = text::open_tokenizer(test::as_file(test::sentencepiece_model(pieces)));
  CHECK(infer::choose_chat_format(*tokens, "{{ '<start_of_turn>' }}", 64)->name() == "gemma");
}

TEST_CASE("earlier answers are without thoughts where the template says so") {
  CHECK(infer::detail::after_thoughts("<think>\na\n</think>\n\nb\n") == "b\n");
  CHECK(infer::detail::after_thoughts("a</think> b</think> c") == " c");
  CHECK(infer::detail::after_thoughts("a</think>\n") == "");
  CHECK(infer::detail::after_thoughts("\na") == "\na");
  auto const tokens = text::open_tokenizer(test::golden_file("tokenizers/qwen2").string());
  std::vector<exchange> const before{{"u", "<think>t</think>a"}};
  auto const written = [&](std::string const& more) {
    auto const format = infer::choose_chat_format(*tokens, chatml_template() + more, 64);
    return tokens->decode(format->prompt("s", before, "v"), true);
  };
  CHECK(written("").find("<think>t</think>a") != std::string::npos);
  CHECK(written("{{ text.split('</think>')[-1] }}").find("assistant\na<|im_end|>") != std::string::npos);
}

TEST_CASE("the format follows from the model") {
  auto const tokens = small_vocabulary();
  CHECK(infer::choose_chat_format(*tokens, "", 64)->name() == "plain");
  CHECK(infer::choose_chat_format(*tokens, "{{ '[INST] <<SYS>>' + text + ' [/INST]' }}", 64)->name() == "llama2");
  CHECK(infer::choose_chat_format(*tokens, "{{ '[INST] ' + text + ' [/INST]' }}", 64)->name() == "mistral");
  CHECK(infer::choose_chat_format(*tokens, "{{ '[AVAILABLE_TOOLS][INST] ' }}", 64)->name() == "plain");  // no tokens here
  auto const third = text::open_tokenizer(test::golden_file("tokenizers/mistral3").string());
  CHECK(infer::choose_chat_format(*third, "{{ '[AVAILABLE_TOOLS][INST] ' }}", 64)->name() == "mistral3");
  CHECK(infer::choose_chat_format(*third, "{{ '[AVAILABLE_TOOLS]' + '[INST]' }}", 64)->name() == "plain");  // other blanks
  CHECK(infer::choose_chat_format(*third, "{{ '[SYSTEM_PROMPT] [INST] ' }}", 64)->name() == "plain");
  CHECK(infer::choose_chat_format(*tokens, "{{ '<|user|>' + text + eos_token }}", 64)->name() == "zephyr");
  CHECK(infer::choose_chat_format(*tokens, "{{ '<|user|>' + text + '<|end|>' }}{{ eos_token }}", 64)->name() ==
        "plain");
  CHECK(infer::choose_chat_format(*tokens, "{{ '<|user|>' + text }}{{ '<|assistant|>' + text + eos_token }}", 64)->name() ==
        "plain");
  CHECK(infer::choose_chat_format(*tokens, "{{ '<|start_header_id|><start_of_turn>' }}", 64)->name() == "plain");
  CHECK(infer::choose_chat_format(*tokens, "{{ '<|user|>' + text }}", 64)->name() == "plain");
  CHECK(infer::choose_chat_format(*tokens, chatml_template(), 64)->name() == "plain");  // its marks are no tokens here
  CHECK_THROWS_MATCHES(infer::chatml_format(*tokens, std::nullopt), error,
                       MessageMatches(ContainsSubstring("<|im_start|>")));
}

TEST_CASE("a model without a format goes on with the text") {
  auto const tokens = small_vocabulary();
  infer::plain_format const format(*tokens);
  std::vector<exchange> const before{{"Once", " upon"}};
  CHECK(tokens->decode(format.prompt(std::nullopt, before, "a time"), true) == "<s>Once upon\na time");
  CHECK(tokens->decode(format.prompt("Story:", {}, "a time"), true) == "<s>Story:\na time");
  CHECK(format.continues());
}
