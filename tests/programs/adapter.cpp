// --adapter: a model with an adapter of peft's beside its weights. The program has the kernels of a real model.
#include <algorithm>
#include <cmath>

#include "cria/io/safetensors.hpp"
#include "process.hpp"
#include "support/difference.hpp"

using namespace cria::test;
using nlohmann::json;

namespace {

/// The log-probabilities of all tokens but the first.
std::vector<double> logprobs(std::string const& tokens, std::vector<std::string> arguments) {
  for (std::string const a : {"--json", "--tokens", tokens.c_str()}) arguments.push_back(a);
  auto const o = run("score_lora", arguments);
  INFO(o.err);
  REQUIRE(o.code == 0);
  auto const all = json::parse(o.out).at("logprobs");
  std::vector<double> values;
  for (std::size_t i = 1; i < all.size(); ++i) values.push_back(all[i].get<double>());
  return values;
}

}  // namespace

TEST_CASE("score with an adapter apart is what peft says, and what the merged model says") {
  temporary_folder const folder;
  auto const model = golden("lora").string(), adapter = golden("lora/adapter").string(),
             merged = (folder.path() / "merged").string();
  cria::io::safetensors const reference{cria::io::mapped_file((golden("lora") / "reference.safetensors").string())};
  auto const logits = reference.values<float>("logits");
  auto tokens = reference.values<std::int32_t>("tokens");
  std::size_t const length = tokens.size() / 2, vocabulary = logits.size() / tokens.size();
  tokens.resize(length);
  auto const file = folder.write("tokens.json", json(tokens).dump());
  std::vector<double> expected;
  for (std::size_t i = 0; i + 1 < length; ++i) {
    auto const* const row = logits.data() + i * vocabulary;
    double sum = 0;
    for (std::size_t k = 0; k < vocabulary; ++k) sum += std::exp(double(row[k]));
    expected.push_back(double(row[tokens[i + 1]]) - std::log(sum));
  }
  auto const convert = run("convert", {"--model", model, "--adapter", adapter, "--out", merged, "--dtype", "f32"});
  INFO(convert.err);
  REQUIRE(convert.code == 0);
  auto const apart = logprobs(file, {"--model", model, "--adapter", adapter});
  // A logit in f32 is off by 6.5e-5 at most (tests/golden), and so is the log-sum-exp that is taken from it. What rounding the
  // merged matrices does to a logit is in tests/model/adapter.cpp; logits are below 8.
  double const each = 2 * 6.5e-5, rounding = 2 * 2 * 10 * 0x1p-24 * 8;
  CHECK(largest_difference(apart, expected) < each);
  CHECK(largest_difference(apart, logprobs(file, {"--model", merged})) < 2 * each + rounding);
  CHECK(largest_difference(apart, logprobs(file, {"--model", model})) > 0.1);
}

TEST_CASE("typegen writes a type with an adapter") {
  auto const model = golden("lora").string(), adapter = golden("lora/adapter").string();
  auto const o = run("typegen", {"--model", model, "--adapter", adapter, "--name", "mine"});
  REQUIRE(o.code == 0);
  CHECK(o.out.find("struct mine_alone : cria::llama2::config<") != o.out.npos);
  CHECK(o.out.find("using mine = cria::nn::adapted<mine_alone, /*rank*/ 6, /*alpha*/ 9, cria::llama2::wq, cria::llama2::wk, "
                   "cria::llama2::wo, cria::llama2::w1, cria::llama2::w2>;\n"
                   "using formats = mine::formats_of<cria::formats<cria::f32>>;\n") != o.out.npos);
}

TEST_CASE("an adapter that doesn't fit") {
  temporary_folder const folder;
  auto const other = golden("lora/adapter").string(), ids = folder.write("ids.json", "[1, 2, 3]");
  std::vector<std::pair<std::string, std::vector<std::string>>> const programs{
      {"chat", {"a"}}, {"generate", {"a"}}, {"score", {"--tokens", ids}}, {"info", {}}, {"infer", {}}};
  for (auto const& [program, arguments] : programs) {
    auto with = arguments;
    with.push_back("--adapter");
    auto const refused = [&](std::string const& adapter, std::string const& part) {
      auto all = with;
      all.push_back(adapter);
      check_refused(program, with_model(all), part);
    };
    refused("none", "none: not an adapter (expected a folder with adapter_config.json");
    refused(other, "layers.0.self_attn.q_proj.lora_A.weight: shape (expected [6, 64], found [6, 40])");
  }
  check_refused("typegen", {"--model", stories260k_file("stories260K.bin").string(), "--adapter", other},
                "lora_A.weight: shape (expected [6, 64], found [6, 40])");
}
