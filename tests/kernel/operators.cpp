// Operators that decoders besides Llama's need: kernels against f64, forward and backward.
#include <catch2/catch_template_test_macros.hpp>

#include "graph/blocks.hpp"
#include "kernel/check.hpp"
#include "kernel/attend.hpp"

using namespace cria;
using namespace cria::test;

namespace {

template <int Heads, int KvHeads, int Size, int Window>
using in_window = forward_of<attend<Heads, KvHeads, Size, true, Window>, policy::exact<>>;

/// Attention in training, in a window.
template <int Window> struct attends_within : of_rows {
  static constexpr auto forward(auto x) {
    auto const kv = matmul(x, weight<nn::wk, test::KV, test::E>);
    return cria::attention(matmul(x, weight<nn::wq, test::Q, test::E>), rope(kv), kv, Window);
  }
};

template <class Block> using exact = forward_of<Block, policy::exact<>>;

/// Few rows and many, sequences in turns; within what f32 loses over sums of 8 to 16 terms.
template <class Block> void check_values(double tolerance = 2e-6) {
  check_against_interpreter<exact<Block>>({in_turns({1}, {}, 6), in_turns({7, 3}, {}, 6), in_turns({20, 5}, {}, 6)}, tolerance,
                                          48);
}

}  // namespace

TEMPLATE_TEST_CASE("values of operators", "", turns_slowly, places, centres, stretches, gates_smoothly, biased_layer,
                   heads_with_norms, norms_heads) {
  check_values<TestType>();
}

TEMPLATE_TEST_CASE("gradients of operators", "", turns_slowly, places, centres, stretches, gates_smoothly, biased_layer,
                   heads_with_norms, norms_heads) {
  check_block<TestType>({1});
  check_block<TestType>({7, 1, 33});
}

TEMPLATE_TEST_CASE("attention in a window, in one step and in many", "", (in_window<9, 3, 6, 1>), (in_window<8, 1, 10, 5>),
                   (in_window<2, 1, 64, 63>), (in_window<7, 1, 14, 64>), (in_window<4, 2, 32, 65>), (in_window<5, 1, 8, 100>)) {
  check_cuts<TestType>(5e-6);
}

TEST_CASE("what is before the window is not looked at, not even infinity") {
  using P = in_window<3, 1, 32, 20>;
  auto const s = one_by_one({150});
  auto const x = runner<P>::inputs(s);
  for (int const threads : {1, 5})
    for (int const bad : {3, 60, 70}) {
      auto troubled = x;
      for (int k = 0; k < 5; ++k) troubled[0](bad, k) = k % 2 == 0 ? 3e38 : -3e38;
      runner<P> r(150, 1, 150, threads);
      auto const expected = r.run(s, x)[0], found = r.run(s, troubled)[0];
      for (int row = 0; row < 150; ++row) {
        bool const sees = row >= bad && row < bad + 20;
        auto const at = std::size_t(row) * 96;
        INFO("infinity at " << bad << ", row " << row << ", " << threads << " threads");
        if (sees) CHECK(!std::isfinite(found[at]));
        else CHECK(std::memcmp(&found[at], &expected[at], 96 * sizeof(float)) == 0);
      }
      for (int row : {bad + 20, bad + 60}) {  // alone: the row's pages are shared out where there are threads enough
        auto const alone = r.run(part_of(s, row, row + 1), {part_of(x[0], row, row + 1)})[0];
        CHECK(std::memcmp(alone.data(), &expected[std::size_t(row) * 96], 96 * sizeof(float)) == 0);
      }
    }
}

TEMPLATE_TEST_CASE("gradients of attention in a window", "", attends_within<1>, attends_within<40>, attends_within<64>,
                   attends_within<65>, attends_within<130>) {
  for (auto const& lengths : {std::vector{1}, {65}, {9, 140, 1}}) check_block<TestType>(lengths, 3, {.most = 10});
}

/// Heads of blocks, which a cache in q8_0 takes whole.
struct normed_blocks {
  using E = axis<queries, 40>;
  using Q = heads<queries, 3, 64>;
  using KV = heads<keys, 1, 64>;
  using input = shape<tokens, E>;
  static constexpr auto forward(auto x) {
    auto const normed = [](auto h) { return rope(head_rms_norm(h, weight<nn::norm, axis<queries, 64>>)); };
    return cria::attention(normed(matmul(x, weight<nn::wq, Q, E>)), normed(matmul(x, weight<nn::wk, KV, E>)),
                           matmul(x, weight<nn::wv, KV, E>));
  }
};

TEST_CASE("norms of heads before a cache of every format; the same bits for every row alone") {
  auto const steps = std::vector{in_turns({1}), in_turns({33, 5}), in_turns({70})};
  check_against_interpreter<forward_of<normed_blocks, policy::exact<>>>(steps, 5e-6, 80);
  check_against_interpreter<forward_of<normed_blocks, policy::exact<formats<>, f16>>>(steps, 2e-3, 80);
  check_against_interpreter<forward_of<normed_blocks, policy::exact<formats<>, q8_0>>>(steps, 2e-2, 80);
  check_rows_alone<forward_of<normed_blocks, policy::exact<formats<>, q8_0>>>(in_turns({70, 9}));
}

TEST_CASE("norms of queries and keys share one kernel, in front of attention") {
  constexpr plan p = plan_of<exact<heads_with_norms>>;
  static_assert(p.count == 4 && p.groups[1].k == kernel_class::row && p.groups[1].output_count == 2);
  static_assert(p.where[p.groups[1].outputs[1]].at == region::key_cache);
}
