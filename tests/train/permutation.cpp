#include "cria/train/data/permutation.hpp"

#include <vector>

#include <catch2/catch_test_macros.hpp>

using cria::train::permutation;

TEST_CASE("a permutation has every number once") {
  for (std::uint64_t size = 1; size <= 300; ++size)
    for (std::uint64_t const key : {0, 1, 77}) {
      permutation const order(size, key);
      std::vector<bool> seen(size);
      for (std::uint64_t i = 0; i < size; ++i) {
        auto const at = order(i);
        REQUIRE(at < size);
        REQUIRE_FALSE(seen[at]);
        seen[at] = true;
      }
    }
}

TEST_CASE("permutations of other keys are others, and mix well") {
  constexpr std::uint64_t size = 1000, keys = 400;
  std::vector<int> first(size);
  int neighbours = 0, fixed = 0;
  for (std::uint64_t key = 0; key < keys; ++key) {
    permutation const order(size, key);
    ++first[order(0)];
    for (std::uint64_t i = 0; i + 1 < size; ++i) {
      neighbours += order(i + 1) == order(i) + 1;
      fixed += order(i) == i;
    }
  }
  for (int const n : first) REQUIRE(n <= 6);        // of 400 draws of 1000
  REQUIRE((neighbours > 300 && neighbours < 500));  // one in each permutation is expected of either
  REQUIRE((fixed > 300 && fixed < 500));
}

TEST_CASE("a permutation of very many numbers stays below their count") {
  for (auto const size : {std::uint64_t{1} << 32, (std::uint64_t{1} << 40) + 1, std::uint64_t{1} << 63}) {
    permutation const order(size, 5);
    for (std::uint64_t i = 0; i < 1000; ++i) REQUIRE(order(size - 1 - i) < size);
  }
}
