#pragma once
// How far results are from what they should be.
#include <cmath>
#include <cstddef>

#include <catch2/catch_test_macros.hpp>

namespace cria::test {

/// The largest |a - b|; infinite where one of them is not a number.
inline double largest_difference(auto const& a, auto const& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    double const d = std::abs(double(a[i]) - double(b[i]));
    if (!(d <= largest)) largest = std::isnan(d) ? HUGE_VAL : d;
  }
  return largest;
}

}  // namespace cria::test
