// Whole stages of small odd models: prologues, epilogues, segments, row operators, embeddings, and every gradient.
#include <catch2/catch_template_test_macros.hpp>

#include "graph/blocks.hpp"
#include "kernel/runner.hpp"

using namespace cria;
using namespace cria::test;

namespace {

struct odd : llama2::config</*embed*/ 20, 1, /*heads*/ 3, /*kv*/ 1, /*hidden*/ 36, /*vocabulary*/ 21, /*context*/ 80,
                            /*head_dim*/ 10> {};
struct blocks_of_32 : llama2::config<64, 1, 3, 3, 96, 50, 80, 32> {};
using mixed = formats<q4_1, stored<nn::wk, q8_0>, stored<nn::wo, f16>, stored<nn::w2, q4_0>, stored<nn::embed, bf16>,
                      stored<nn::head, q8_f32>>;

/// Heads that fill one tile, and a part of one: the compiler may make one vector of each.
template <int Heads, int Size> struct rotates {
  using E = axis<llama2::axes::embed, 32>;
  using input = shape<tokens, E>;
  static constexpr auto forward(auto x) {
    return rope(matmul(x, weight<nn::wk, heads<llama2::axes::kv, Heads, Size>, E>));
  }
};

std::vector<step> const steps{in_turns({1}), in_turns({1, 1}), in_turns({7, 33}, {}, 21), in_turns({66, 3}, {}, 21)};

}  // namespace

TEST_CASE("the stages of a decoder, f32") {
  using policy = policy::exact<>;
  check_against_interpreter<forward_of<nn::embedding_stage<odd>, policy>>(steps, 1e-12);
  check_against_interpreter<forward_of<nn::block_stage<odd>, policy>>(steps, 4e-6, 80);
  check_against_interpreter<forward_of<nn::head_stage<odd>, policy>>(steps, 4e-6);
}

TEST_CASE("the stages of a decoder, formats that differ by weight") {
  check_against_interpreter<forward_of<nn::embedding_stage<blocks_of_32>, policy::exact<mixed>>>(steps, 1e-12);
  check_against_interpreter<forward_of<nn::block_stage<blocks_of_32>, policy::exact<mixed>>>(steps, 4e-6, 80);
  check_against_interpreter<forward_of<nn::head_stage<blocks_of_32>, policy::exact<mixed>>>(steps, 4e-6);
  check_against_interpreter<forward_of<nn::block_stage<blocks_of_32>, policy::fast<mixed>>>(steps, 0.05, 80);
}

TEMPLATE_TEST_CASE("a row has the same bits alone and among others", "",
                   (forward_of<nn::block_stage<odd>, policy::exact<>>),
                   (forward_of<nn::head_stage<odd>, policy::exact<>>),
                   (forward_of<nn::block_stage<blocks_of_32>, policy::exact<mixed>>),
                   (forward_of<nn::block_stage<blocks_of_32>, policy::fast<mixed>>),
                   (forward_of<rotates<2, 8>, policy::exact<>>), (forward_of<rotates<1, 16>, policy::exact<>>),
                   (forward_of<rotates<3, 10>, policy::exact<>>), (forward_of<rotates<1, 64>, policy::exact<>>)) {
  check_rows_alone<TestType>(in_turns({13, 8}, {}, 21));
}
