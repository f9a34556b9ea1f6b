// Operators from outside the library: maps and row operators, in every place that fusion can give them.
#include <catch2/catch_test_macros.hpp>

#include "graph/blocks.hpp"
#include "kernel/runner.hpp"

using namespace cria;
using namespace cria::test;

namespace {

/// (x0, x1, x2, ...) -> (x0 x1, x2 x3, ...): half as wide.
struct pair_products {
  static constexpr char name[] = "pair_products";
  template <class A> using result = axis<llama2::axes::hidden, A::extent / 2>;
  template <class Team, class Get, class Put>
  KOKKOS_INLINE_FUNCTION static void row(Team const& t, Get const& get, Put const& put, int n) {
    t.each(n / 2, [&](int i) { put(i, get(2 * i) * get(2 * i + 1)); });
  }
};

/// e^x over the sum of e^x, by hand.
struct row_softmax {
  static constexpr char name[] = "row_softmax";
  template <class A> using result = A;
  template <class Team, class Get, class Put>
  KOKKOS_INLINE_FUNCTION static void row(Team const& t, Get const& get, Put const& put, int n) {
    float const total = t.sum(n, [&](int i) { return Kokkos::exp(get(i)); });
    t.each(n, [&](int i) { put(i, Kokkos::exp(get(i)) / total); });
  }
};

/// A map before a row operator, which evaluates it, one behind it, and contractions around them.
struct around : of_rows {
  using half = axis<llama2::axes::hidden, 6>;
  static constexpr auto forward(auto x) {
    auto h = map<cube>(matmul(map<cube>(x), weight<w1, H, E>));  // prologue and epilogue
    return x + map<cube>(matmul(custom_row<pair_products>(h + h), weight<w2, E, half>));
  }
};
struct softmax_of_norm : of_rows {
  static constexpr auto forward(auto x) { return custom_row<row_softmax>(cria::rms_norm(x, weight<norm, E>)); }
};

double cubed(double x) { return x * x * x; }

}  // namespace

TEST_CASE("maps and row operators from outside, between contractions") {
  using P = forward_of<around, policy::exact<>>;
  for (int const rows : {1, 8, 33}) {
    auto const s = in_turns({rows});
    auto const x = runner<P>::inputs(s)[0];
    auto const w1 = runner<P>::weight("w1"), w2 = runner<P>::weight("w2");
    REQUIRE((w1.rows == 12 && w1.cols == 8 && w2.rows == 8 && w2.cols == 6));
    matrix expected(rows, 8);
    for (int r = 0; r < rows; ++r) {
      double h[12], p[6];
      for (int o = 0; o < 12; ++o) {
        double sum = 0;
        for (int k = 0; k < 8; ++k) sum += cubed(x(r, k)) * w1(o, k);
        h[o] = 2 * cubed(sum);
      }
      for (int i = 0; i < 6; ++i) p[i] = h[2 * i] * h[2 * i + 1];
      for (int o = 0; o < 8; ++o) {
        double sum = 0;
        for (int k = 0; k < 6; ++k) sum += p[k] * w2(o, k);
        expected(r, o) = x(r, o) + cubed(sum);
      }
    }
    runner<P> run(rows);
    INFO(rows << " rows");
    CHECK(relative_difference(run.run(s, {x})[0], expected) < 1e-5);
  }
}

TEST_CASE("a row operator reads a norm through its prologue and uses the team") {
  using P = forward_of<softmax_of_norm, policy::exact<>>;
  auto const s = in_turns({9});
  auto const x = runner<P>::inputs(s)[0];
  auto const w = runner<P>::weight("norm");
  matrix expected(9, 8);
  for (int r = 0; r < 9; ++r) {
    double squares = 0, total = 0;
    for (int k = 0; k < 8; ++k) squares += x(r, k) * x(r, k);
    for (int k = 0; k < 8; ++k) total += expected(r, k) = std::exp(x(r, k) / std::sqrt(squares / 8 + 1e-5) * w(0, k));
    for (int k = 0; k < 8; ++k) expected(r, k) /= total;
  }
  runner<P> run(9);
  CHECK(relative_difference(run.run(s, {x})[0], expected) < 1e-6);
}
