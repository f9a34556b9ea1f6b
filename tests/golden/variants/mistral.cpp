#include "variants/mistral.hpp"

#include "golden_mistral.hpp"
#include "variant.hpp"

static_assert(cria::llama2::decoder<mistral_7b>::parameter_count == 7'241'732'096);  // as published

struct tiny : mistral<cria::llama2::config<48, 2, 6, 2, 80, 97, 64>> {
  static constexpr int window = 7;
};

TEST_CASE("mistral: logits, loss and gradients") { cria::test::check_variant<tiny, model>("variants/mistral"); }
