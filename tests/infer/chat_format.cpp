#include "cria/infer/chat_format.hpp"

#include <algorithm>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "cria/io/gguf.hpp"
#include "cria/text.hpp"
#include "support/paths.hpp"

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

TEST_CASE("the template's own system text is found") {
  CHECK(infer::default_system(chatml_template()) == "Be kind.");
  CHECK(infer::default_system("'<|im_start|>system\\nBe kind.<|im_end|>\\n'") == "Be kind.");
  CHECK(infer::default_system("{{ '<|im_start|>system\n' + text + '<|im_end|>' }}") == std::nullopt);
  CHECK(infer::default_system("<|im_start|>system\nnever closed") == std::nullopt);
  CHECK(infer::default_system("") == std::nullopt);
}

TEST_CASE("the format follows from the model") {
  auto const tokens = small_vocabulary();
  CHECK(infer::choose_chat_format(*tokens, "", 64)->name() == "plain");
  CHECK(infer::choose_chat_format(*tokens, "{{ '[INST] ' + text + ' [/INST]' }}", 64)->name() == "llama2");
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
