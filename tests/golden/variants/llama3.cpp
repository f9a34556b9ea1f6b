#include "variants/llama3.hpp"

#include "golden_llama3.hpp"
#include "variant.hpp"

static_assert(cria::llama2::decoder<llama3_8b>::parameter_count == 8'030'261'248);  // as published

struct tiny : llama3<cria::llama2::config<48, 2, 6, 2, 80, 97, 64, 16>> {  // the rule at work within 64 positions
  static constexpr double rope_theta = 1e4;
  static constexpr cria::rotation rope_scaling{.factor = 8, .low = 1, .high = 4, .original_context = 32};
};

TEST_CASE("llama3: logits, loss and gradients") { cria::test::check_variant<tiny, model>("variants/llama3"); }
