#include "cria/core/dtype.hpp"

#include <catch2/catch_test_macros.hpp>

#include "cria/core/error.hpp"

using namespace cria;

TEST_CASE("formats have GGUF's names and sizes") {
  static_assert(facts(dtype::q4_0).name == "q4_0" && facts(dtype::bf16).name == "bf16");
  static_assert(bytes_of(dtype::f32, 10) == 40 && bytes_of(dtype::f16, 10) == 20 && bytes_of(dtype::bf16, 10) == 20);
  static_assert(bytes_of(dtype::q8_0, 64) == 2 * (2 + 32) && bytes_of(dtype::q4_0, 64) == 2 * (2 + 16) &&
                bytes_of(dtype::q4_1, 64) == 2 * (2 + 2 + 16));
  static_assert(bytes_of(dtype::q8_f32, 32) == 4 + 32);
  static_assert(bytes_of(dtype::q5_0, 64) == 2 * (2 + 4 + 16) && bytes_of(dtype::q5_1, 64) == 2 * (2 + 2 + 4 + 16));
  static_assert(bytes_of(dtype::q4_k, 512) == 2 * (2 + 2 + 12 + 128) &&
                bytes_of(dtype::q5_k, 512) == 2 * (2 + 2 + 12 + 32 + 128) &&
                bytes_of(dtype::q6_k, 512) == 2 * (128 + 64 + 16 + 2));
  // More than 32 bits hold.
  static_assert(bytes_of(dtype::f32, std::size_t(28672) * 8192 * 80) == std::size_t(75'161'927'680));
}

TEST_CASE("a format's type says what its table says") {
  static_assert(q4_1::id == dtype::q4_1 && q4_1::block == 32 && q4_1::bytes == 20 && q4_1::quantised);
  static_assert(f32::block == 1 && !f32::quantised && !bf16::quantised && q8_f32::quantised);
}

TEST_CASE("a weight of mixed formats costs what its layers cost in the mean") {
  constexpr layer_formats one = dtype::q4_k, both = by_layer<layers_in<3, q4_k>, layers_in<1, q6_k>>::id;
  static_assert(!one.mixed() && both.mixed() && one.quantised() && both.quantised() && !layer_formats().quantised());
  static_assert(bytes_of(one, 256) == 144 && bytes_of(both, 256) == (3 * 144 + 210) / 4.0);
  static_assert(both.index_of(dtype::q6_k) == 1 && both.index_of(dtype::q5_k) == -1);
  static_assert(both != one && both == by_layer<layers_in<3, q4_k>, layers_in<1, q6_k>>::id &&
                both != by_layer<layers_in<2, q4_k>, layers_in<2, q6_k>>::id);
}

TEST_CASE("an error is one line that says where, what was expected and what was found") {
  CHECK(std::string(error("model.gguf", "no tensors").what()) == "model.gguf: no tensors");
  CHECK(std::string(error("wq", "wrong size", "64 bytes", "63").what()) ==
        "wq: wrong size (expected 64 bytes, found 63)");
  CHECK(std::string(error("", "nothing to say").what()) == "nothing to say");
}
