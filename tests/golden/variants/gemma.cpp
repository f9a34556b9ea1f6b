#include "variants/gemma.hpp"

#include "golden_gemma.hpp"
#include "variant.hpp"

static_assert(cria::llama2::decoder<gemma_2b>::parameter_count == 2'506'172'416);  // as published

struct tiny : gemma<cria::llama2::config<48, 2, 6, 2, 80, 97, 64, 16>> {
  static constexpr double norm_eps = 1e-5;
};

TEST_CASE("gemma: logits, loss and gradients") { cria::test::check_variant<tiny, model>("variants/gemma"); }
