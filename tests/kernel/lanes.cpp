// Vector lanes against one lane: the same bits. exp against f64.
#include "cria/kernel/lanes.hpp"

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <limits>

#include "cria/kernel/math.hpp"

using namespace cria;
using namespace cria::kernel;

namespace {

unsigned next(unsigned& seed) { return seed = seed * 1664525u + 1013904223u; }

template <class V, class F> void for_each_lane(F const& f) {
  for (int l = 0; l < V::width; ++l) f(l);
}

/// A lane of a vector, also where it is one number.
template <class T, class X> T lane(X const& x, int l) {
  T values[sizeof(X) / sizeof(T)];
  std::memcpy(values, &x, sizeof x);
  return values[l];
}

bool same_bits(float a, float b) { return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b); }

}  // namespace

TEMPLATE_TEST_CASE("16-bit values become the f32 of the scalar form, every one of them", "", host_lanes,
                   vector_lanes<4>, vector_lanes<8>, vector_lanes<16>) {
  using V = TestType;
  for (unsigned first = 0; first < 65536; first += V::width) {
    std::uint16_t bits[V::width];
    for_each_lane<V>([&](int l) { bits[l] = std::uint16_t(first + unsigned(l)); });
    auto const half = V::load_f16(bits);
    auto const brain = V::load_bf16(bits);
    for_each_lane<V>([&](int l) {
      float const expected = f16_to_f32(bits[l]), found = lane<float>(half, l);
      bool const equal =
          std::isnan(expected) ? std::isnan(found) : same_bits(found, expected);  // hardware makes NaNs quiet
      if (!equal) FAIL("f16 " << bits[l] << ": " << found << ", expected " << expected);
      if (!same_bits(lane<float>(brain, l), bf16_to_f32(bits[l]))) FAIL("bf16 " << bits[l]);
    });
  }
  SUCCEED();
}

TEMPLATE_TEST_CASE("dot products of bytes are exact", "", host_lanes, vector_lanes<4>, vector_lanes<8>,
                   vector_lanes<16>) {
  using V = TestType;
  unsigned seed = 3;
  for (int trial = 0; trial < 20000; ++trial) {
    std::int32_t words[V::width], sums[V::width];
    std::uint32_t const extremes[]{0x80808080u, 0x7f7f7f7fu, 0x00ff8001u, 0xffffffffu};
    for_each_lane<V>([&](int l) {
      words[l] = std::int32_t(trial % 3 == 0 ? extremes[next(seed) >> 30] : next(seed));
      sums[l] = std::int32_t(next(seed) >> 8) - (1 << 23);
    });
    std::uint32_t activations = trial % 5 == 0 ? (trial % 2 ? 0x7f7f7f7fu : 0x81818181u) : next(seed);
    for (int j = 0; j < 4; ++j)  // activations are at least -127
      if ((activations >> (8 * j) & 0xffu) == 0x80u) activations ^= 1u << (8 * j);
    int const s = int(activations);
    auto const w = V::load_words(words), sum = V::load_words(sums);
    auto const bytes = V::dot4_bytes(sum, w, s);
    typename V::i nibbles = {}, high = {},
                  six = {};  // as often as their sums fit in halves: a block's 8 groups of nibbles, 2 of 6 bits
    for (int g = 0; g < 2; ++g) six = V::dot4_small(six, w & 0x3f3f3f3f, s);
    six = V::block_sum(six);
    for (int g = 0; g < 8; ++g) {
      nibbles = V::dot4_small(nibbles, V::low_nibbles(w), s);
      high = V::dot4_small(high, V::high_nibbles(w), s);
    }
    nibbles = V::block_sum(nibbles), high = V::block_sum(high);
    int of_activations = 0;
    for (int j = 0; j < 4; ++j) of_activations += signed_byte(s, j);
    for_each_lane<V>([&](int l) {
      using one = scalar_lane;
      CHECK(lane<int>(bytes, l) == one::dot4_bytes(sums[l], words[l], s) + V::byte_offset * of_activations);
      CHECK(lane<int>(nibbles, l) == 8 * one::dot4_small(0, one::low_nibbles(words[l]), s));
      CHECK(lane<int>(six, l) == 2 * one::dot4_small(0, words[l] & 0x3f3f3f3f, s));
      CHECK(lane<int>(high, l) == 8 * one::dot4_small(0, one::high_nibbles(words[l]), s));
    });
  }
}

TEMPLATE_TEST_CASE("bytes and nibbles of words come out as the scalar form's", "", host_lanes, vector_lanes<4>,
                   vector_lanes<8>, vector_lanes<16>) {
  using V = TestType;
  unsigned seed = 9;
  for (int trial = 0; trial < 1000; ++trial) {
    std::int32_t words[V::width];
    for_each_lane<V>([&](int l) { words[l] = std::int32_t(next(seed)); });
    auto const w = V::load_words(words);
    for_each_lane<V>([&](int l) {
      CHECK(lane<int>(V::low_nibbles(w), l) == scalar_lane::low_nibbles(words[l]));
      CHECK((lane<int>(V::high_nibbles(w), l) & 0x0f0f0f0f) == scalar_lane::high_nibbles(words[l]));
      for (int j = 0; j < 4; ++j) {
        CHECK(lane<int>(V::byte(w, j), l) == signed_byte(words[l], j));
        CHECK(lane<float>(V::to_float(V::byte(w, j)), l) == float(signed_byte(words[l], j)));
      }
    });
  }
}

TEMPLATE_TEST_CASE("fma rounds once", "", host_lanes, vector_lanes<4>, vector_lanes<8>, vector_lanes<16>) {
  using V = TestType;
  unsigned seed = 4;
  for (int trial = 0; trial < 20000; ++trial) {
    float x[3][V::width];
    for (auto& row : x)
      for_each_lane<V>([&](int l) { row[l] = std::ldexp(float(std::int32_t(next(seed))), int(next(seed) % 40) - 50); });
    auto const y = V::fma(V::load(x[0]), V::load(x[1]), V::load(x[2]));
    for_each_lane<V>([&](int l) {
      if (!same_bits(lane<float>(y, l), std::fma(x[0][l], x[1][l], x[2][l])))
        FAIL("fma of " << x[0][l] << ", " << x[1][l] << ", " << x[2][l]);
    });
  }
  CHECK(lane<float>(V::splat(-0.0f), V::width - 1) == 0);
}

TEST_CASE("exp is within 2 units in the last place, everywhere it is not denormal") {
  double worst = 0;
  float at = 0;
  for (std::uint32_t bits = 0; bits < 0x42b20000u; bits += 97)  // up to 89
    for (float const x : {std::bit_cast<float>(bits), -std::bit_cast<float>(bits)}) {
      if (x < -87.33f || x > 88.72f) continue;
      double const exact = std::exp(double(x)), found = double(kernel::exp(x));
      double const unit = double(std::nextafter(float(exact), INFINITY)) - double(float(exact));
      double const error = std::abs(found - exact) / unit;
      if (!(error <= worst)) worst = error, at = x;
    }
  INFO("worst " << worst << " at " << at);
  CHECK(worst < 2);
}

TEST_CASE("exp at its ends") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  CHECK(kernel::exp(0.0f) == 1);
  CHECK(kernel::exp(-0.0f) == 1);
  CHECK(kernel::exp(-87.4f) == 0);
  CHECK(kernel::exp(-1e30f) == 0);
  CHECK(kernel::exp(-infinity) == 0);
  CHECK(kernel::exp(88.73f) == infinity);
  CHECK(kernel::exp(infinity) == infinity);
  CHECK(std::isnan(kernel::exp(std::numeric_limits<float>::quiet_NaN())));
  CHECK(std::isfinite(kernel::exp(88.72f)));
  CHECK(kernel::exp(-87.32f) >= std::numeric_limits<float>::min());
}

TEST_CASE(
    "gelu is within 4 units in the last place, everywhere it is not denormal; its slope within the roundings of its factors") {
  double worst = 0, worst_slope = 0;
  long double const c = std::sqrt(2 / 3.14159265358979323846264338327950288L);
  for (float x = -9.97f; x < 11; x += 1.7e-4f) {
    long double const u = c * (x + 0.044715L * x * x * x), s = 1 / (1 + std::exp(-2 * u)), exact = x * s;
    double const unit = double(std::nextafter(std::abs(float(exact)), INFINITY)) - std::abs(double(float(exact)));
    worst = std::max(worst, double(std::abs(kernel::gelu_tanh(x) - exact)) / unit);
    // In half units: e^-p is off by 4 and its correction by 1, s by that and 2 more; the second term has e once, s twice, 6
    // roundings.
    long double const second = x * s * (1 - s) * 2 * c * (1 + 3 * 0.044715L * x * x);
    double const bound = double((7 + 2) * s + (5 + 14 + 6 + 2) * std::abs(second)) * 0x1p-24;
    worst_slope = std::max(worst_slope, double(std::abs(kernel::gelu_tanh_slope(x) - (s + second))) / bound);
  }
  CHECK(worst < 4);  // exp's 2, and its correction, the sum and the quotient half a unit each
  CHECK(worst_slope < 1);
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (float const x : {-infinity, -1e30f, -10.1f})
    CHECK((kernel::gelu_tanh(x) == 0 && std::abs(kernel::gelu_tanh_slope(x)) < 1e-35f));
  for (float const x : {10.1f, 1e30f, infinity}) CHECK((kernel::gelu_tanh(x) == x && kernel::gelu_tanh_slope(x) == 1));
  CHECK((kernel::gelu_tanh(0.0f) == 0 && kernel::gelu_tanh_slope(0.0f) == 0.5f && kernel::gelu_tanh(1e-30f) == 5e-31f));
  CHECK((std::isnan(kernel::gelu_tanh(std::nanf(""))) && std::isnan(kernel::gelu_tanh_slope(std::nanf("")))));
}

TEST_CASE("silu and its slope") {
  for (double x = -100; x < 100; x += 0.0371) {
    double const s = 1 / (1 + std::exp(-x));
    CHECK(std::abs(double(kernel::silu(float(x))) - x * s) < 1e-6 * std::max(1.0, std::abs(x)));
    CHECK(std::abs(double(kernel::silu_slope(float(x))) - s * (1 + x * (1 - s))) < 5e-6);
  }
}
