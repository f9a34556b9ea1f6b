// The golden case smollm2: a real chat model in Q4_1.
#include "cria/text/files.hpp"
#include "decoding.hpp"

using namespace cria;
using namespace cria::test;

TEST_CASE("SmolLM2: chats' tokens, text and logits") {
  auto const path = smollm2_file().string();
  auto const chats = read_json(golden_file("smollm2/chat.json"));
  io::safetensors const tensors(io::mapped_file(golden_file("smollm2/chat.safetensors").string()));
  auto const file = llama2::checkpoint::open(path);
  auto const tokenizer = text::open_tokenizer(path);
  auto const engine = smollm2_exact(file, {.room = 512}, 2);
  REQUIRE(!chats.empty());
  for (std::size_t i = 0; i < chats.size(); ++i) {
    auto const& chat = chats[i];
    INFO("chat " << i);
    auto const prompt = chat.at("prompt_ids").get<std::vector<int>>(), ids = chat.at("ids").get<std::vector<int>>();
    CHECK(tokenizer->encode(chat.at("prompt").get<std::string>(), true) == prompt);
    CHECK(tokenizer->decode(ids, true) == chat.at("text").get<std::string>());
    auto const run = run_greedily(*engine, prompt, ids.size());
    CHECK(run.ids == ids);
    auto const name = std::to_string(i);
    check_top(run, tensors.values<std::int32_t>(name + ".top32_ids"), tensors.values<float>(name + ".top32_logits"),
              3.2e-4);
    if (tensors.tensor(name + ".first_logits")) {
      auto const first = tensors.values<float>(name + ".first_logits");
      CHECK(largest_difference(std::span(run.logits).first(first.size()), first) < 3.2e-4);
    }
  }
}

TEST_CASE("SmolLM2: perplexity, policy exact") {
  auto const file = llama2::checkpoint::open(smollm2_file().string());
  auto const expected = read_json(golden_file("smollm2/perplexity.json"));
  auto const engine = smollm2_exact(file, {.room = expected.at("window").get<int>()}, 2);
  auto const found = check_losses(*engine, expected.at("ids"), expected.at("nll"), 2.6e-4);
  CHECK(std::abs(found - expected.at("perplexity").at("f64").get<double>()) < 0.002);
}

TEST_CASE("SmolLM2: perplexity, policy fast") {
  auto const file = llama2::checkpoint::open(smollm2_file().string());
  auto const expected = read_json(golden_file("smollm2/perplexity.json"));
  auto const engine = smollm2_fast(file, {.room = expected.at("window").get<int>()}, 2);
  // The loss of a single token changes with how its activations happen to be rounded.
  auto const found = check_losses(*engine, expected.at("ids"), expected.at("nll"), 3);
  double const exact = expected.at("perplexity").at("f64").get<double>();
  INFO("perplexity " << found << ", exact " << exact);
  CHECK(std::abs(found - exact) < 0.015 * exact);
}

TEST_CASE("SmolLM2: the same bits in one pass, in chunks, one at a time, with 1 and 2 threads") {
  auto const file = llama2::checkpoint::open(smollm2_file().string());
  auto tokens = read_json(golden_file("smollm2/perplexity.json")).at("ids").at(0).get<std::vector<int>>();
  tokens.resize(std::min<std::size_t>(tokens.size(), 70));  // beyond a chunk of positions
  SECTION("exact") { check_bits(smollm2_exact, file, tokens); }
  SECTION("fast") { check_bits(smollm2_fast, file, tokens); }
}
