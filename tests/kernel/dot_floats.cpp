// Sums of f32 panels: lanes of every width against one lane.
#include "kernel/dot.hpp"

using namespace cria;
using namespace cria::test;

TEMPLATE_TEST_CASE("dot of f32 rows: every width has the bits of one lane", "", f32, f16, bf16, q8_0, q4_0, q4_1, q8_f32, q4_k,
                   q5_k, q6_k) {
  check_dot<TestType, false>();
}
