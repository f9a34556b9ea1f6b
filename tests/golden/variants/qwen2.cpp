#include "variants/qwen2.hpp"

#include "golden_qwen2.hpp"
#include "variant.hpp"

static_assert(cria::llama2::decoder<qwen2_500m>::parameter_count == 494'032'768);  // as published

struct tiny : qwen2<cria::llama2::config<48, 2, 6, 2, 80, 97, 64>> {
  static constexpr double norm_eps = 1e-5;
};

TEST_CASE("qwen2: logits, loss and gradients") { cria::test::check_variant<tiny, model>("variants/qwen2"); }
