#pragma once
// The types a tensor in a GGUF file can have. Source: ggml.h and ggml-common.h.
#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "cria/core/dtype.hpp"
#include "cria/core/error.hpp"

namespace cria::io {

/// block: values that are stored together; bytes: what they take. Both 0 for a number that this table doesn't know.
struct ggml_type {
  std::string name;
  std::uint32_t block = 0, bytes = 0;
  std::optional<dtype> format = {};  // the library's own name for it, where it can compute with it
};

/// The type with `number` in a file. Those the library cannot read keep their name, for messages.
inline ggml_type ggml_type_of(std::uint32_t number) {
  struct row {
    std::uint32_t number;
    char const* name;
    std::uint32_t block, bytes;
    std::optional<dtype> format = {};
  };
  static std::array const table{
      row{0, "F32", 1, 4, dtype::f32},
      row{1, "F16", 1, 2, dtype::f16},
      row{2, "Q4_0", 32, 18, dtype::q4_0},
      row{3, "Q4_1", 32, 20, dtype::q4_1},
      row{6, "Q5_0", 32, 22, dtype::q5_0},
      row{7, "Q5_1", 32, 24, dtype::q5_1},
      row{8, "Q8_0", 32, 34, dtype::q8_0},
      row{9, "Q8_1", 32, 36},
      row{10, "Q2_K", 256, 84},
      row{11, "Q3_K", 256, 110},
      row{12, "Q4_K", 256, 144, dtype::q4_k},
      row{13, "Q5_K", 256, 176, dtype::q5_k},
      row{14, "Q6_K", 256, 210, dtype::q6_k},
      row{15, "Q8_K", 256, 292},
      row{16, "IQ2_XXS", 256, 66},
      row{17, "IQ2_XS", 256, 74},
      row{18, "IQ3_XXS", 256, 98},
      row{19, "IQ1_S", 256, 50},
      row{20, "IQ4_NL", 32, 18},
      row{21, "IQ3_S", 256, 110},
      row{22, "IQ2_S", 256, 82},
      row{23, "IQ4_XS", 256, 136},
      row{24, "I8", 1, 1},
      row{25, "I16", 1, 2},
      row{26, "I32", 1, 4},
      row{27, "I64", 1, 8},
      row{28, "F64", 1, 8},
      row{29, "IQ1_M", 256, 56},
      row{30, "BF16", 1, 2, dtype::bf16},
      row{34, "TQ1_0", 256, 54},
      row{35, "TQ2_0", 256, 66},
      row{39, "MXFP4", 32, 17},
  };
  for (auto const& r : table)
    if (r.number == number) return {r.name, r.block, r.bytes, r.format};
  return {"type " + std::to_string(number)};
}

/// The number that stands for `format` in a file. Throws cria::error for one that GGUF doesn't have.
inline std::uint32_t ggml_number_of(dtype format) {
  for (std::uint32_t number = 0; number < 40; ++number)
    if (ggml_type_of(number).format == format) return number;
  throw error("GGUF", "format", "f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, q4_k, q5_k or q6_k", facts(format).name);
}

}  // namespace cria::io
