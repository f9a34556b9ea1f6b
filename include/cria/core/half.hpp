#pragma once
// 16-bit storage. Arithmetic is always f32; these convert, exactly or to nearest even, on host and device.
#include <bit>
#include <cstdint>

namespace cria {

/// IEEE 754 binary16 to f32, exact for every input, NaN payloads kept. Branch-free: a loop over it vectorises.
constexpr float f16_to_f32(std::uint16_t h) {
  std::uint32_t const magnitude = (h & 0x7fffu) << 13;
  float const scaled = std::bit_cast<float>(magnitude) * 0x1p112f;  // moves the exponent's bias; denormals come out right
  std::uint32_t const special = magnitude >= 0x0f800000u ? 0x7f800000u : 0u;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(scaled) | special | (h & 0x8000u) << 16);
}

/// f32 to binary16, to nearest even; overflow gives infinity, NaN stays NaN.
constexpr std::uint16_t f32_to_f16(float f) {
  std::uint32_t const bits = std::bit_cast<std::uint32_t>(f), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return std::uint16_t(sign | 0x7e00u | (magnitude >> 13 & 0x1ffu));
  if (magnitude >= 0x477ff000u) return std::uint16_t(sign | 0x7c00u);
  if (magnitude < 0x38800000u) {  // denormal or zero: adding 0.5 leaves the code in the low bits, rounded by the adder
    float const shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return std::uint16_t(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000u));
  }
  std::uint32_t const rounded = magnitude + 0xfffu + (magnitude >> 13 & 1u);
  return std::uint16_t(sign | ((rounded >> 13) - (112u << 10)));
}

/// bfloat16 to f32, exact.
constexpr float bf16_to_f32(std::uint16_t h) { return std::bit_cast<float>(std::uint32_t(h) << 16); }

/// f32 to bfloat16, to nearest even; NaN stays NaN.
constexpr std::uint16_t f32_to_bf16(float f) {
  std::uint32_t const bits = std::bit_cast<std::uint32_t>(f);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return std::uint16_t(bits >> 16 | 0x40u);
  return std::uint16_t((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

}  // namespace cria
