// Sums of int8 panels, and the rounding that makes them: lanes of every width against one lane.
#include <cmath>

#include "kernel/dot.hpp"

using namespace cria;
using namespace cria::kernel;
using namespace cria::test;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();

/// A panel of 2 blocks of 3 rows, rounded by lanes V; the row in the middle has the block.
struct rounded {
  std::int32_t codes[2 * 8 * 3] = {}, minus_eight[2 * 3] = {}, first_half[2 * 3] = {};
  float scales[2 * 3] = {}, weighted[2 * 3] = {};
  int8_panel panel() { return {codes, scales, minus_eight, weighted, first_half}; }
};
template <class V> rounded round_by(float const (&x)[32]) {
  rounded r;
  quantise_block<V>(x, r.panel(), 1, 1, 3);
  return r;
}
bool same(float const (&a)[6], float const (&b)[6]) {  // a NaN has any payload
  for (int i = 0; i < 6; ++i)
    if (std::isnan(a[i]) ? !std::isnan(b[i]) : std::memcmp(a + i, b + i, sizeof(float)) != 0) return false;
  return true;
}

/// Blocks with everything that a float can be.
std::vector<std::array<float, 32>> blocks() {
  std::mt19937 random(3);
  float const special[]{0.0f, -0.0f, 1e-42f, -1e-39f, 1e-30f, 0.99e-30f, 3.4e38f,  -3.4e38f,  1,
                        -1,   127,   63.5f,  -0.5f,   2.5f,   infinity, -infinity, nan, -nan};
  std::vector<std::array<float, 32>> all;
  for (float const x : special) all.emplace_back().fill(x);
  for (int i = 0; i < 4000; ++i) {
    auto& b = all.emplace_back();
    int const exponent = int(random() % 250) - 150;
    for (float& x : b) x = std::ldexp(float(std::int32_t(random())), exponent - 31);
    for (unsigned n = random() % 4; n > 0; --n) b[random() % 32] = special[random() % std::size(special)];
  }
  auto& ties = all.emplace_back();  // the scale is 1: halves are rounded to even
  for (int i = 0; i < 32; ++i) ties[std::size_t(i)] = float(i - 16) + 0.5f;
  ties[9] = 127;
  return all;
}

}  // namespace

TEMPLATE_TEST_CASE("dot of int8 rows: every width has the bits of one lane", "", q8_0, q4_0, q4_1, q8_f32, q4_k, q5_k, q6_k) {
  check_dot<TestType, true>();
}

TEMPLATE_TEST_CASE("rounding to int8: every width has the bits of one lane", "", vector_lanes<4>, vector_lanes<8>,
                   vector_lanes<16>) {
  for (auto const& block : blocks()) {
    float x[32];
    std::copy_n(block.begin(), 32, x);
    auto const a = round_by<scalar_lane>(x), b = round_by<TestType>(x);
    bool const same_codes = std::ranges::equal(a.codes, b.codes) && std::ranges::equal(a.minus_eight, b.minus_eight) &&
                            std::ranges::equal(a.first_half, b.first_half);
    if (!same_codes || !same(a.scales, b.scales) || !same(a.weighted, b.weighted))
      FAIL("a block that begins with " << x[0] << ", " << x[1]);
  }
  SUCCEED();
}

TEST_CASE("rounding to int8: to the nearest, halves to even, and NaN where a value is not finite") {
  for (auto const& block : blocks()) {
    float x[32], largest = 0;
    bool finite = true;
    std::copy_n(block.begin(), 32, x);
    for (float const v : x) largest = std::max(largest, std::abs(v)), finite = finite && std::isfinite(v);
    auto const r = round_by<scalar_lane>(x);
    float const inverse = largest >= 1e-30f ? 127 / largest : 0;
    INFO("a block that begins with " << x[0] << ", " << x[1]);
    int sum = 0, first = 0, wrong = 0;
    for (int i = 0; i < 32; ++i) {
      int const code = signed_byte(r.codes[(8 + i / 4) * 3 + 1], i % 4);
      sum += code, first += i < 16 ? code : 0;
      wrong += code != (finite ? int(std::nearbyint(x[i] * inverse)) : 0);
    }
    CHECK(wrong == 0);
    CHECK((r.minus_eight[4] == -8 * sum && r.first_half[4] == -8 * first));
    float const scale = inverse > 0 ? largest / 127 : 0;
    if (finite) CHECK((r.scales[4] == scale && r.weighted[4] == scale * float(sum)));
    else CHECK((std::isnan(r.scales[4]) && std::isnan(r.weighted[4])));
  }
}
