// Whole stages of small odd models: prologues, epilogues, segments, row operators, embeddings, and every gradient.
#include <catch2/catch_template_test_macros.hpp>

#include "graph/blocks.hpp"
#include "kernel/runner.hpp"

using namespace cria;
using namespace cria::test;

namespace {

struct odd : llama2::config</*embed*/ 20, 1, /*heads*/ 3, /*kv*/ 1, /*hidden*/ 36, /*vocabulary*/ 21, /*context*/ 80, /*head_dim*/ 10> {};
struct blocks_of_32 : llama2::config<64, 1, 3, 3, 96, 50, 80, 32> {};
using mixed = formats<q4_1, stored<nn::wk, q8_0>, stored<nn::wo, f16>, stored<nn::w2, q4_0>, stored<nn::embed, bf16>, stored<nn::head, q8_f32>>;

std::vector<step> const steps{in_turns({1}), in_turns({1, 1}), in_turns({7, 33}, {}, 21), in_turns({66, 3}, {}, 21)};

}  // namespace

TEST_CASE("the stages of a decoder, f32") {
  using policy = policy::exact<>;
  check_against_interpreter<forward_of<nn::embedding_stage<odd>, policy>>(steps, 1e-12);
  check_against_interpreter<forward_of<nn::block_stage<odd>, policy>>(steps, 2e-6, 80);
  check_against_interpreter<forward_of<nn::head_stage<odd>, policy>>(steps, 2e-6);
}

TEST_CASE("the stages of a decoder, formats that differ by weight") {
  check_against_interpreter<forward_of<nn::embedding_stage<blocks_of_32>, policy::exact<mixed>>>(steps, 1e-12);
  check_against_interpreter<forward_of<nn::block_stage<blocks_of_32>, policy::exact<mixed>>>(steps, 2e-6, 80);
  check_against_interpreter<forward_of<nn::head_stage<blocks_of_32>, policy::exact<mixed>>>(steps, 2e-6);
  check_against_interpreter<forward_of<nn::block_stage<blocks_of_32>, policy::fast<mixed>>>(steps, 0.05, 80);
}
