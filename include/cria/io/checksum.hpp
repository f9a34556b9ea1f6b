#pragma once
// A 64-bit checksum of bytes that come in pieces: finds what disks and copies do to a file, not what an enemy does.
#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "cria/io/byte_reader.hpp"

namespace cria::io {

/// XXH64 with seed 0, some GB/s on one core; the same value however the bytes are cut. Source: doc/xxhash_spec.md of
/// xxHash.
class checksum {
 public:
  void update(std::span<std::byte const> bytes) {
    total_ += bytes.size();
    while (!bytes.empty()) {
      if (held_ == 0 && bytes.size() >= stripe) {
        auto sums = sums_;  // in registers
        for (; bytes.size() >= stripe; bytes = bytes.subspan(stripe)) add(sums, bytes.data());
        sums_ = sums;
        continue;
      }
      auto const n = std::min(stripe - held_, bytes.size());
      std::memcpy(tail_.data() + held_, bytes.data(), n);
      bytes = bytes.subspan(n);
      if ((held_ += n) == stripe) add(sums_, tail_.data()), held_ = 0;
    }
  }

  /// Of all bytes so far; more may follow.
  std::uint64_t value() const {
    std::uint64_t h = prime[4];
    if (total_ >= stripe) {
      h = std::rotl(sums_[0], 1) + std::rotl(sums_[1], 7) + std::rotl(sums_[2], 12) + std::rotl(sums_[3], 18);
      for (auto const sum : sums_) h = (h ^ round(0, sum)) * prime[0] + prime[3];
    }
    h += total_;
    std::size_t at = 0;
    for (; at + 8 <= held_; at += 8)
      h = std::rotl(h ^ round(0, word<std::uint64_t>(&tail_[at])), 27) * prime[0] + prime[3];
    for (; at + 4 <= held_; at += 4)
      h = std::rotl(h ^ word<std::uint32_t>(&tail_[at]) * prime[0], 23) * prime[1] + prime[2];
    for (; at < held_; ++at) h = std::rotl(h ^ std::uint64_t(tail_[at]) * prime[4], 11) * prime[0];
    h = (h ^ h >> 33) * prime[1];
    h = (h ^ h >> 29) * prime[2];
    return h ^ h >> 32;
  }

 private:
  static constexpr std::size_t stripe = 32;
  static constexpr std::array<std::uint64_t, 5> prime{0x9e3779b185ebca87, 0xc2b2ae3d27d4eb4f, 0x165667b19e3779f9,
                                                      0x85ebca77c2b2ae63, 0x27d4eb2f165667c5};

  template <class T>
  static std::uint64_t word(std::byte const* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
  }
  static std::uint64_t round(std::uint64_t sum, std::uint64_t value) {
    return std::rotl(sum + value * prime[1], 31) * prime[0];
  }
  static void add(std::array<std::uint64_t, 4>& sums, std::byte const* at) {
    for (std::size_t i = 0; i < 4; ++i) sums[i] = round(sums[i], word<std::uint64_t>(at + 8 * i));
  }

  std::array<std::uint64_t, 4> sums_{prime[0] + prime[1], prime[1], 0, 0 - prime[0]};
  std::array<std::byte, stripe> tail_{};
  std::size_t held_ = 0;  // bytes of the tail
  std::uint64_t total_ = 0;
};

/// Of all of `bytes`.
inline std::uint64_t checksum_of(std::span<std::byte const> bytes) {
  checksum sum;
  sum.update(bytes);
  return sum.value();
}

}  // namespace cria::io
