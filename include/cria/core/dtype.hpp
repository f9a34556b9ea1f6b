#pragma once
// The number formats of weights, as an enum (what a file says) and as types (what a kernel is compiled for).
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cria {

/// A format in memory. The quantised ones are blocks of 32 values; q8_0, q4_0 and q4_1 are GGUF's, byte for byte;
/// q8_f32 is llama2.c's int8 with its f32 scale repeated for each block of 32.
enum class dtype : std::uint8_t { f32, f16, bf16, q8_0, q4_0, q4_1, q8_f32 };

/// block: values that share a scale (1: none); bytes: of one block in a file.
struct dtype_facts {
  std::string_view name;
  int block, bytes;
  constexpr bool quantised() const { return block > 1; }
};

inline constexpr std::array<dtype_facts, 7> dtype_table{{{"f32", 1, 4}, {"f16", 1, 2}, {"bf16", 1, 2}, {"q8_0", 32, 34},
                                                         {"q4_0", 32, 18}, {"q4_1", 32, 20}, {"q8_f32", 32, 36}}};

constexpr dtype_facts const& facts(dtype t) { return dtype_table[std::size_t(t)]; }

/// Bytes of `count` values, a whole number of blocks.
constexpr std::size_t bytes_of(dtype t, std::size_t count) { return count / std::size_t(facts(t).block) * std::size_t(facts(t).bytes); }

template <dtype T> struct format {
  static constexpr dtype id = T;
  static constexpr int block = facts(T).block, bytes = facts(T).bytes;
  static constexpr bool quantised = block > 1;
};
struct f32 : format<dtype::f32> {};
struct f16 : format<dtype::f16> {};
struct bf16 : format<dtype::bf16> {};
struct q8_0 : format<dtype::q8_0> {};
struct q4_0 : format<dtype::q4_0> {};
struct q4_1 : format<dtype::q4_1> {};
struct q8_f32 : format<dtype::q8_f32> {};

}  // namespace cria
