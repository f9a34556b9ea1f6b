// Learning rates, published numbers, and weights before training.
#include <cmath>

#include "cria/io/json.hpp"
#include "cria/train/initialise.hpp"
#include "cria/train/recipe.hpp"
#include "cria/train/schedule.hpp"
#include "support/paths.hpp"
#include "toy_engine.hpp"

using namespace cria;
using namespace cria::test;

namespace {

constexpr train::recipe const& named(std::string_view name) {
  for (auto const& r : train::recipes)
    if (r.name == name) return r;
  throw error("recipe", name);
}

static_assert(named("7b").peak_rate == 3e-4 && named("13b").peak_rate == 3e-4);
static_assert(named("34b").peak_rate == 1.5e-4 && named("70b").peak_rate == 1.5e-4);
static_assert(named("70b").beta1 == 0.9 && named("70b").beta2 == 0.95 && named("70b").epsilon == 1e-5);
static_assert(named("7b").decay == 0.1 && named("7b").clip == 1 && named("7b").warmup == 2000 &&
              named("7b").final_ratio == 0.1);
static_assert(named("7b").batch_tokens == 4 << 20 && named("7b").context == 4096 &&
              named("7b").tokens == 2'000'000'000'000);
static_assert(named("7b").steps() == 476'838);
static_assert(train::recipe_for(1).name == "stories260k" && train::recipe_for(260'032).name == "stories260k");
static_assert(train::recipe_for(260'033).name == "stories15m" && train::recipe_for(134'515'008).name == "7b");
static_assert(train::recipe_for(1'000'000'000'000).name == "70b");

}  // namespace

TEST_CASE("rates are those of the golden run") {
  auto const log = read_json(golden_file("train/log.json"));
  auto const& h = log["hyperparameters"];
  train::schedule const s{h["peak"], h["warmup"], h["steps"], h["final_ratio"]};
  auto const& rates = log["rate"];
  REQUIRE(rates.size() == 60);
  for (std::size_t i = 0; i < rates.size(); ++i) {
    INFO("step " << i + 1);
    double const expected = rates[i];
    CHECK(std::abs(s.rate(long(i) + 1) - expected) < 1e-11 * expected + 1e-15);
  }
}

TEST_CASE("rates at the corners") {
  train::schedule const s{1.0, 10, 110, 0.1};
  CHECK(s.rate(1) == 0.1);
  CHECK(s.rate(10) == 1.0);
  CHECK(s.rate(60) == 0.55);
  CHECK(s.rate(110) == 0.1);
  CHECK(s.rate(1000) == 0.1);
  CHECK(train::schedule{1.0, 0, 10, 0.0}.rate(10) == 0);
  CHECK(train::schedule{1.0, 10, 10}.rate(10) == 1);  // nothing but a warm-up
  CHECK(train::schedule{1.0, 20, 10}.rate(10) == 0.5);
}

TEST_CASE("a recipe's parameters are those of the shape") {
  for (auto const& r : train::recipes) {
    auto const config = read_json(stories260k().parent_path() / r.name / "config.json");
    long const e = config["hidden_size"], layers = config["num_hidden_layers"], heads = config["num_attention_heads"];
    long const kv = config["num_key_value_heads"], hidden = config["intermediate_size"],
               vocabulary = config["vocab_size"];
    long const layer = 2 * e * e + 2 * e * (e / heads * kv) + 3 * e * hidden + 2 * e;
    INFO(r.name);
    CHECK(r.parameters == (config["tie_word_embeddings"] ? 1 : 2) * vocabulary * e + layers * layer + e);
    CHECK(r.context <= config["max_position_embeddings"]);
    CHECK(r.batch_tokens % r.context == 0);
  }
}

TEST_CASE("weights before training") {
  auto const& how = named("stories260k");
  toy_trainer a(512), b(512), c(512);
  train::initialise(a, how, 1), train::initialise(b, how, 1), train::initialise(c, how, 2);
  auto const values = a.read(train::state::weight, 0);
  CHECK(values == b.read(train::state::weight, 0));
  CHECK(values != c.read(train::state::weight, 0));
  double sum = 0, squares = 0, fourth = 0;
  for (double const v : values) sum += v, squares += v * v, fourth += v * v * v * v;
  double const n = double(values.size()), variance = squares / n;
  CHECK(std::abs(sum / n) < 4 * 0.02 / std::sqrt(n));
  CHECK(std::abs(std::sqrt(variance) - 0.02) < 4 * 0.02 / std::sqrt(2 * n));
  CHECK(std::abs(fourth / n / (variance * variance) - 2.9) < 0.05);
  for (float const v : a.read(train::state::weight, 1)) REQUIRE(v == 1);
  CHECK(how.initial_deviation("w1", 8) == 0.02);
  CHECK(how.initial_deviation("wo", 8) == 0.005);
  CHECK(how.initial_deviation("w2", 8) == 0.005);
  train::normal_numbers numbers(7);  // the first ones, for good
  double const expected[]{-0.67181396484375, -0.2457122802734375, 0.29296875, -0.2681884765625};
  for (double const x : expected) CHECK(numbers.next() == x);
}
