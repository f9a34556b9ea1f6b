#include "cria/core/half.hpp"

#include <cmath>
#include <limits>

#include <catch2/catch_test_macros.hpp>

using namespace cria;

namespace {

/// The value of a small float, from its definition.
double value_of(std::uint16_t h, int exponent_bits, int fraction_bits) {
  int const bias = (1 << (exponent_bits - 1)) - 1, exponent = h >> fraction_bits & ((1 << exponent_bits) - 1);
  int const fraction = h & ((1 << fraction_bits) - 1);
  double const sign = h >> 15 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1) return fraction == 0 ? sign * INFINITY : NAN;
  if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias - fraction_bits);
  return sign * std::ldexp(fraction + (1 << fraction_bits), exponent - bias - fraction_bits);
}

/// Every code there and back, and between each pair of neighbours: the middle goes to the even one, all else to the
/// nearer.
template <class To, class From>
bool all_exact(To const& to_half, From const& to_float, int exponent_bits, int fraction_bits) {
  std::uint16_t const infinity = std::uint16_t(((1 << exponent_bits) - 1) << fraction_bits);
  for (unsigned code = 0; code < 0x10000; ++code) {
    std::uint16_t const h = std::uint16_t(code);
    double const expected = value_of(h, exponent_bits, fraction_bits);
    float const found = to_float(h);
    if (std::isnan(expected)) {
      if (!std::isnan(found) || !std::isnan(to_float(to_half(found)))) return false;
      continue;
    }
    if (double(found) != expected || std::signbit(found) != (code >> 15 != 0) || to_half(found) != h) return false;
    if ((h & 0x7fff) + 1 >= infinity) continue;  // the largest: its upper neighbour is infinity
    float const next = to_float(std::uint16_t(h + 1)), middle = float((double(found) + double(next)) / 2);
    float const even = h % 2 == 0 ? found : next;
    if (to_float(to_half(middle)) != even) return false;
    if (to_half(std::nextafter(middle, found)) != h || to_half(std::nextafter(middle, next)) != h + 1) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("every binary16 is converted exactly, and to the nearest even") {
  CHECK(all_exact([](float x) { return f32_to_f16(x); }, [](std::uint16_t h) { return f16_to_f32(h); }, 5, 10));
  static_assert(f16_to_f32(0x3c00) == 1 && f16_to_f32(0x0001) == 0x1p-24f && f32_to_f16(-2) == 0xc000);
}

TEST_CASE("every bfloat16 is converted exactly, and to the nearest even") {
  CHECK(all_exact([](float x) { return f32_to_bf16(x); }, [](std::uint16_t h) { return bf16_to_f32(h); }, 8, 7));
  static_assert(bf16_to_f32(0x3f80) == 1 && f32_to_bf16(-2) == 0xc000);
}

TEST_CASE("what is too large becomes infinity, what is too small zero") {
  static_assert(f32_to_f16(65504) == 0x7bff && f32_to_f16(65519.996f) == 0x7bff && f32_to_f16(65520) == 0x7c00 &&
                f32_to_f16(-1e9f) == 0xfc00);
  static_assert(f32_to_f16(0x1p-25f) == 0 && f32_to_f16(0x1.000002p-25f) == 1 && f32_to_f16(-1e-30f) == 0x8000);
  static_assert(f32_to_bf16(std::numeric_limits<float>::max()) == 0x7f80);
  CHECK(std::isnan(f16_to_f32(f32_to_f16(std::numeric_limits<float>::quiet_NaN()))));
}
