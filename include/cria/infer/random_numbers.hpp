#pragma once
// A seeded generator whose sequence is the same on every platform and with every standard library.
#include <cstdint>

namespace cria::infer {

/// splitmix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators"): 64 bits of state, any seed.
class random_numbers {
 public:
  explicit constexpr random_numbers(std::uint64_t seed) : state(seed) {}

  constexpr std::uint64_t bits() {
    state += 0x9e3779b97f4a7c15u;
    std::uint64_t z = state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  }

  /// A number in [0, 1): the upper 53 bits, exact in f64.
  constexpr double uniform() { return double(bits() >> 11) * 0x1p-53; }

 private:
  std::uint64_t state;
};

}  // namespace cria::infer
