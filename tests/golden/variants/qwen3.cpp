#include "variants/qwen3.hpp"

#include "golden_qwen3.hpp"
#include "variant.hpp"

static_assert(cria::llama2::decoder<qwen3_600m>::parameter_count == 596'049'920);  // as published

struct tiny : qwen3<cria::llama2::config<48, 2, 6, 2, 80, 97, 64, 16>> {
  static constexpr double norm_eps = 1e-5;
};

TEST_CASE("qwen3: logits, loss and gradients") { cria::test::check_variant<tiny, model>("variants/qwen3"); }
