#include "cria/infer/sampler.hpp"

#include <array>
#include <limits>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

using namespace cria;
using Catch::Matchers::MessageMatches, Catch::Matchers::ContainsSubstring;
using infer::sampler, infer::sampling;

TEST_CASE("drawn tokens follow the distribution") {
  std::array<float, 4> const logits{1.0f, 2.0f, 0.5f, 2.5f};
  sampling const s{.temperature = 0.8, .top_k = 3, .seed = 7};
  sampler draw(s);
  std::array<int, 4> count{};
  constexpr int draws = 100000;
  for (int i = 0; i < draws; ++i) ++count[std::size_t(draw(logits))];
  CHECK(count[2] == 0);
  auto const expected = sampler(s).distribution(logits);
  REQUIRE(expected.size() == 3);
  for (auto const& c : expected) {  // five standard deviations
    double const sd = std::sqrt(c.value * (1 - c.value) / draws);
    CHECK(std::abs(count[std::size_t(c.token)] / double(draws) - c.value) < 5 * sd);
  }
}

TEST_CASE("the generator's sequence is the published one") {
  infer::random_numbers g(1234567);  // the check values that come with splitmix64.c
  std::array<std::uint64_t, 5> const expected{6457827717110365317u, 3203168211198807973u, 9817491932198370423u,
                                              4593380528125082431u, 16408922859458223821u};
  for (auto const e : expected) CHECK(g.bits() == e);
}

TEST_CASE("a seed gives the same tokens again, another seed others") {
  std::vector<float> const logits(1000, 0.0f);
  auto const draw = [&](std::uint64_t seed) {
    sampler s({.temperature = 1, .seed = seed});
    std::vector<int> ids;
    for (int i = 0; i < 20; ++i) ids.push_back(s(logits));
    return ids;
  };
  CHECK(draw(3) == draw(3));
  CHECK(draw(3) != draw(4));
  CHECK(draw(0) ==
        std::vector{883, 431, 26, 970, 106, 327, 173, 771, 245, 952, 396, 761, 523, 555, 708, 518, 488, 764, 204, 844});
}

TEST_CASE("temperature 0 takes the first of the largest") {
  CHECK(sampler({})(std::array{1.0f, 3.0f, 3.0f, 2.0f}) == 1);
  CHECK(sampler({})(std::array{-std::numeric_limits<float>::infinity(), -5.0f}) == 1);
}

TEST_CASE("settings out of range are named") {
  double const nan = std::numeric_limits<double>::quiet_NaN();
  auto const message = [](sampling const& s) {
    try {
      sampler{s};
    } catch (error const& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  CHECK(message({.temperature = nan}) == "--temperature: out of range (expected a number from 0 to 1e6, found nan)");
  CHECK(message({.temperature = -1}) == "--temperature: out of range (expected a number from 0 to 1e6, found -1)");
  CHECK(message({.top_k = -2}) == "--top-k: out of range (expected 0 or a positive number, found -2)");
  CHECK(message({.top_p = 2}) == "--top-p: out of range (expected a number from 0 to 1, found 2)");
  CHECK(message({.top_p = nan}) == "--top-p: out of range (expected a number from 0 to 1, found nan)");
  CHECK(message({.min_p = -0.5}) == "--min-p: out of range (expected a number from 0 to 1, found -0.5)");
  CHECK(message({.temperature = 0.6, .top_k = 5, .top_p = 0, .min_p = 1}).empty());
}

TEST_CASE("logits that are no numbers are refused") {
  float const nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  for (double const temperature : {0.0, 1.0}) {
    sampler s({.temperature = temperature});
    CHECK_THROWS_MATCHES(s(std::array{0.0f, nan, 1.0f}), error, MessageMatches(ContainsSubstring("token 1")));
    CHECK_THROWS_AS(s(std::array{infinity, 0.0f}), error);
    CHECK_THROWS_AS(s(std::array{-infinity, -infinity}), error);
    CHECK_THROWS_AS(s(std::span<float const>{}), error);
  }
}
