// The golden case decode: stories260K's greedy tokens and the loss of a text.
#include "cria/text/files.hpp"
#include "decoding.hpp"

using namespace cria;
using namespace cria::test;

namespace {

llama2::checkpoint open_stories260k() { return llama2::checkpoint::open((stories260k() / "stories260K.bin").string()); }

/// The case; skipped where it was made with another model.
nlohmann::json read_greedy() {
  auto const greedy = read_json(golden_file("decode/greedy.json"));
  auto const file = open_stories260k();
  auto const& shape = file.shape();
  std::pair<char const*, int> const known[]{{"dim", shape.embed},         {"hidden", shape.hidden},
                                            {"layers", shape.layers},     {"heads", shape.heads},
                                            {"kv_heads", shape.kv_heads}, {"vocab", shape.vocabulary}};
  for (auto const& [name, value] : known)
    if (greedy.at("header").at(name).get<int>() != value) SKIP("the case was made with another model than stories260K");
  return greedy;
}

}  // namespace

TEST_CASE("stories260K: greedy tokens, their logits and text") {
  auto const greedy = read_greedy();
  auto const file = open_stories260k();
  auto const engine = stories260k_exact(file, {}, 2);
  auto const prompt = greedy.at("prompt_ids").get<std::vector<int>>(), ids = greedy.at("ids").get<std::vector<int>>();
  auto const run = run_greedily(*engine, prompt, ids.size() - prompt.size());
  CHECK(run.ids == std::vector(ids.begin() + std::ptrdiff_t(prompt.size()), ids.end()));

  io::safetensors const tensors(io::mapped_file(golden_file("decode/greedy.safetensors").string()));
  check_top(run, tensors.values<std::int32_t>("top16_ids"), tensors.values<float>("top16_logits"), 1.2e-4);
  auto const first = tensors.values<float>("first8_logits");
  REQUIRE(first.size() <= run.logits.size());
  CHECK(largest_difference(std::span(run.logits).first(first.size()), first) < 1.2e-4);

  auto const tokenizer = text::open_tokenizer((stories260k() / "tok512.bin").string());
  auto encoded = tokenizer->encode(greedy.at("prompt").get<std::string>());
  encoded.insert(encoded.begin(), tokenizer->bos());
  CHECK(encoded == prompt);
  CHECK(tokenizer->decode(ids) == greedy.at("text").get<std::string>());
}

TEST_CASE("stories260K: loss of a text") {
  read_greedy();
  auto const file = open_stories260k();
  auto const engine = stories260k_exact(file, {}, 2);
  auto const nll = read_json(golden_file("decode/nll.json"));
  auto const perplexity = check_losses(*engine, nll.at("ids"), nll.at("nll"), 1.7e-4);
  CHECK(std::abs(std::log(perplexity) - nll.at("mean").get<double>()) < 1.7e-4);

  auto const tokenizer = text::open_tokenizer((stories260k() / "tok512.bin").string());
  std::vector<int> joined;
  for (auto const& window : nll.at("ids")) joined.insert(joined.end(), window.begin() + 1, window.end());
  CHECK(tokenizer->encode(nll.at("text").get<std::string>()) == joined);
}

TEST_CASE("stories260K: the same bits in one pass, in chunks, one at a time, with 1 and 2 threads") {
  auto const tokens = read_greedy().at("ids").get<std::vector<int>>();
  auto const file = open_stories260k();
  SECTION("exact") { check_bits(stories260k_exact, file, tokens); }
  SECTION("fast") { check_bits(stories260k_fast, file, tokens); }
}
