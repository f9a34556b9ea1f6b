// Each case: the exact distribution after temperature, top-k, top-p and min-p.
#include <cmath>
#include <cstring>

#include <catch2/catch_test_macros.hpp>

#include "cria/core/half.hpp"
#include "cria/infer/sampler.hpp"
#include "cria/io/safetensors.hpp"
#include "support/paths.hpp"

using namespace cria;
using infer::candidate, infer::sampler, infer::sampling;

namespace {

std::vector<float> read_f16(io::safetensors const& file, std::string const& name) {
  auto const* const t = file.tensor(name);
  REQUIRE((t && t->type == "F16"));
  std::vector<float> values(t->bytes.size() / 2);
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint16_t half = 0;
    std::memcpy(&half, t->bytes.data() + 2 * i, 2);
    values[i] = f16_to_f32(half);
  }
  return values;
}

sampling settings_of(nlohmann::json const& c) {
  return {.temperature = c["temperature"],
          .top_k = c.value("top_k", 0),
          .top_p = c.value("top_p", 1.0),
          .min_p = c.value("min_p", 0.0)};
}

/// Inputs that are probabilities already: the same steps without the softmax.
std::vector<candidate> kept_of(std::vector<float> const& probabilities, sampling const& s) {
  std::vector<candidate> all;
  for (std::size_t i = 0; i < probabilities.size(); ++i) all.push_back({int(i), double(probabilities[i])});
  infer::detail::keep_top_k(all, s.top_k);
  infer::detail::normalise(all);
  infer::detail::keep_top_p(all, s.top_p);
  infer::detail::keep_min_p(all, s.min_p);
  return all;
}

}  // namespace

TEST_CASE("distributions are those of the reference") {
  auto const cases = test::read_json(test::golden_file("sampling/cases.json"));
  io::safetensors const file{io::mapped_file(test::golden_file("sampling/cases.safetensors").string())};
  REQUIRE(!cases.empty());
  for (auto const& c : cases) {
    INFO(c.dump());
    std::string const input = c["input"], number = std::to_string(c["case"].get<int>());
    auto const values = read_f16(file, input);
    auto const ids = file.values<std::int32_t>(number + ".ids");
    auto const probabilities = file.values<double>(number + ".probabilities");
    auto const s = settings_of(c);
    auto const ours = input.ends_with("logits") ? sampler(s).distribution(values) : kept_of(values, s);
    if (c["rule"] == "transformers" && c["top_p_margin"] == 0.0) {  // where the rules differ ours keeps as much or more
      CHECK(ours.size() >= ids.size());
      continue;
    }
    REQUIRE(ours.size() == ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      CHECK(ours[i].token == ids[i]);
      CHECK(std::abs(ours[i].value - probabilities[i]) <= 1e-6);
    }
  }
}
