#pragma once
// A shuffle that takes no memory.
#include <bit>
#include <cstdint>

namespace cria::train {

/// A mixing of 64 bits in which each result has one origin. Source: the finaliser of MurmurHash3, as SplitMix64 has it.
constexpr std::uint64_t mix(std::uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

/// The numbers below `size`, each once, in an order that `key` chooses: a Feistel network over the next power of 4,
/// which is walked until it comes back below `size` (Black and Rogaway 2002, "Ciphers with arbitrary finite domains").
class permutation {
 public:
  constexpr permutation(std::uint64_t size, std::uint64_t key)
      : size_(size), key_(key), half_(size < 2 ? 1 : int(std::bit_width(size - 1) + 1) / 2) {}

  /// The number at place `i`, which is below size.
  constexpr std::uint64_t operator()(std::uint64_t i) const {
    do i = once(i);
    while (i >= size_);
    return i;
  }

 private:
  constexpr std::uint64_t once(std::uint64_t i) const {
    std::uint64_t const mask = (std::uint64_t{1} << half_) - 1;
    std::uint64_t left = i >> half_, right = i & mask;
    for (std::uint64_t round = 1; round <= 6; ++round) {
      auto const next = left ^ (mix(key_ + mix(right + round * 0x9e3779b97f4a7c15)) & mask);
      left = right, right = next;
    }
    return left << half_ | right;
  }

  std::uint64_t size_, key_;
  int half_;  // bits
};

}  // namespace cria::train
