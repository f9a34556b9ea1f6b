// The kernels' gradients of every operator, those from outside the library too, against finite differences in f64.
#include <catch2/catch_template_test_macros.hpp>

#include "graph/blocks.hpp"
#include "graph/lora.hpp"
#include "kernel/check.hpp"

using namespace cria;
using namespace cria::test;

namespace {

/// Three query heads of 10 over one for keys and values; no width is a multiple of 16.
struct odd : llama2::config</*embed*/ 20, 1, /*heads*/ 3, /*kv*/ 1, /*hidden*/ 36, /*vocabulary*/ 21, /*context*/ 160,
                            /*head_dim*/ 10> {};
struct small : llama2::config<32, 1, 2, 1, 64, 32, 64> {};
struct odd_loss {
  using input = shape<tokens, odd::embed>;
  static constexpr auto forward(auto x) { return cross_entropy(nn::head_stage<odd>::forward(x)); }
};

/// e^x over the sum of e^x, by hand; half as wide as it should be: only the first half is a result.
struct first_softmax {
  static constexpr char name[] = "first_softmax";
  template <class A>
  using result = axis<llama2::axes::hidden, A::extent / 2>;
  template <class Team, class Get, class Put>
  KOKKOS_INLINE_FUNCTION static void row(Team const& t, Get const& get, Put const& put, int n) {
    auto const total = t.sum(n, [&](int i) { return Kokkos::exp(get(i)); });
    t.each(n / 2, [&](int i) { put(i, Kokkos::exp(get(i)) / total); });
  }
  template <class Team, class GetX, class GetDy, class Put>
  KOKKOS_INLINE_FUNCTION static void back(Team const& t, GetX const& x, GetDy const& dy, Put const& put, int n) {
    auto const total = t.sum(n, [&](int i) { return Kokkos::exp(x(i)); });
    auto const mean = t.sum(n / 2, [&](int i) { return dy(i) * Kokkos::exp(x(i)); }) / total;
    t.each(n, [&](int i) { put(i, Kokkos::exp(x(i)) / total * ((i < n / 2 ? dy(i) : 0) - mean)); });
  }
};
/// Between contractions: what is before it is evaluated by get, and a map comes after it.
struct softens : of_rows {
  using half = axis<llama2::axes::hidden, 6>;
  static constexpr auto forward(auto x) {
    return x - map<cube>(matmul(custom_row<first_softmax>(silu(matmul(x, weight<w1, H, E>))), weight<w2, E, half>));
  }
};
/// Its gradient is not that of apply.
struct wrong {
  static constexpr char name[] = "wrong";
  static constexpr auto apply(auto x) { return x * x; }
  template <int>
  static constexpr auto derivative(auto x) {
    return x;
  }
};
struct goes_wrong : of_rows {
  static constexpr auto forward(auto x) { return map<wrong>(matmul(x, weight<wo, E, E>)); }
};

}  // namespace

TEMPLATE_TEST_CASE("gradients of every operator", "", adds, multiplies, squares, gates, norms, norms_twice, turns,
                   attends, cubes, scales, shares, looks_up, loses, softens) {
  check_block<TestType>({1});
  check_block<TestType>({7, 1, 33});
}

TEST_CASE("gradients of the stages of a decoder of odd sizes") {
  check_block<nn::embedding_stage<odd>>({9, 8}, 1);
  check_block<odd_loss>({9, 8}, 3);
  for (auto const& lengths : {std::vector{1}, {63}, {64}, {65}, {130}, {9, 1, 70}})
    check_block<nn::block_stage<odd>>(lengths, 10, {.most = 12});
}

TEST_CASE("gradients of adapters, through frozen weights in 4-bit blocks") {
  check_block<nn::block_stage<with_adapters<small>>, frozen_blocks, adapters>({9, 8}, 3);
}

TEST_CASE("a wrong derivative shows") {
  for (auto const& d : check_gradients<goes_wrong>(space_of(1), {5})) CHECK(d.relative() > 0.1);
}

TEST_CASE("the checker says what is wrong with a sample") {
  auto const refused = []<class Block>(std::type_identity<Block>, auto const& change) {
    auto sample = make_sample<Block>({3, 2}, 1);
    change(sample);
    CHECK_THROWS_AS(check_gradients<Block>(space_of(1), sample), error);
  };
  std::type_identity<looks_up> const tokens;
  refused(tokens, [](auto& s) { s.step.token[1] = 6; });
  refused(tokens, [](auto& s) { s.step.position[1] = 2; });
  refused(tokens, [](auto& s) { s.step.token.pop_back(); });
  refused(tokens, [](auto& s) { s.step = {}; });
  refused(tokens, [](auto& s) { s.step.weights.clear(); });
  refused(tokens, [](auto& s) { s.step.weights["embed"].push_back(0); });
  std::type_identity<loses> const rows;
  refused(rows, [](auto& s) { s.step.target[4] = 12; });
  refused(rows, [](auto& s) { s.step.target[4] = -1; });
  refused(rows, [](auto& s) { s.x.pop_back(); });
}
