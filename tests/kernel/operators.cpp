// Operators that decoders besides Llama's need: kernels against f64, forward and backward.
#include <catch2/catch_template_test_macros.hpp>

#include "graph/blocks.hpp"
#include "kernel/check.hpp"
#include "kernel/runner.hpp"

using namespace cria;
using namespace cria::test;

namespace {

template <class Block> using exact = forward_of<Block, policy::exact<>>;

/// Few rows and many, sequences in turns; within what f32 loses over sums of 8 to 16 terms.
template <class Block> void check_values(double tolerance = 2e-6) {
  check_against_interpreter<exact<Block>>({in_turns({1}), in_turns({7, 3}), in_turns({33, 5}, {7, 3})}, tolerance, 48);
}

}  // namespace

TEMPLATE_TEST_CASE("values of operators", "", turns_slowly) { check_values<TestType>(); }

TEMPLATE_TEST_CASE("gradients of operators", "", turns_slowly) {
  check_block<TestType>({1});
  check_block<TestType>({7, 1, 33});
}
