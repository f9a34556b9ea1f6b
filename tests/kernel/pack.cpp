// Packing: every element of a packed matrix is the file's.
#include "cria/kernel/contraction/block.hpp"

#include <bit>
#include <catch2/catch_template_test_macros.hpp>

#include "cria/core/quantise.hpp"
#include "graph/interpreter.hpp"

using namespace cria;

TEMPLATE_TEST_CASE("packed elements are the file's, and rows past the end are zero", "", f32, f16, bf16, q8_0, q4_0,
                   q4_1, q8_f32, q5_0, q5_1, q4_k, q5_k, q6_k) {
  for (int const rows : {2, 15, 16, 17, 40})
    for (int const blocks : {1, 3}) {
      int const cols = blocks * (TestType::quantised ? TestType::block : 13);
      auto const m = test::numbers(rows, cols, 3);
      auto const file = encode(TestType::id, std::vector<float>(m.at.begin(), m.at.end()));
      std::vector<float> values(m.at.size());
      decode(TestType::id, file, values);
      std::vector<std::byte> packed(kernel::packed_bytes(TestType::id, rows, cols), std::byte(0xee));
      int const tiles = (rows + kernel::tile_rows - 1) / kernel::tile_rows;
      REQUIRE(packed.size() == std::size_t(tiles) * kernel::tile_bytes(TestType::id, cols));
      for (int t = 0; t < tiles; ++t) kernel::pack_tile(TestType::id, file.data(), packed.data(), rows, cols, t);
      INFO(rows << " rows, " << cols << " columns");
      for (int r = 0; r < tiles * kernel::tile_rows; ++r)
        for (int c = 0; c < cols; ++c) {
          float const expected = r < rows ? values[std::size_t(r * cols + c)] : 0,
                      found = kernel::element<TestType::id>(packed.data(), r, c, cols);
          if (std::bit_cast<std::uint32_t>(found + 0.0f) != std::bit_cast<std::uint32_t>(expected + 0.0f))
            FAIL("row " << r << ", column " << c);
        }
    }
  SUCCEED();
}
