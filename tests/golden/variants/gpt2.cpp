#include "variants/gpt2.hpp"

#include "golden_gpt2.hpp"
#include "variant.hpp"

static_assert(cria::llama2::decoder<gpt2_124m>::parameter_count == 124'439'808);  // as published

struct tiny : gpt2<cria::llama2::config<48, 2, 6, 6, 192, 97, 64>> {};

TEST_CASE("gpt2: logits, loss and gradients") { cria::test::check_variant<tiny, model>("variants/gpt2"); }
