#include "cria/expr.hpp"

#include <catch2/catch_test_macros.hpp>

#include "cria/graph/record.hpp"

using namespace cria;

namespace {

struct one {};
struct two {};
struct gain {
  static constexpr char name[] = "gain";
};
struct mix {
  static constexpr char name[] = "mix";
};
using A = axis<one, 8>;
using B = axis<two, 6>;
using Q = heads<one, 4, 2>;
using KV = heads<two, 2, 2>;
template <class X> using rows = expr<shape<tokens, X>>;

struct sign {
  static constexpr char name[] = "sign";
  static float apply(float x) { return x < 0 ? -1.0f : 1.0f; }
};
struct half {
  static constexpr char name[] = "half";
  static float apply(float x) { return x / 2; }
};
struct doubled {
  static constexpr char name[] = "doubled";
  template <class X> using result = axis<typename X::tag, 2 * X::extent>;
  template <class Team, class Get, class Put> static void row(Team const&, Get const&, Put const&, int) {}
};
struct nameless {
  static float apply(float x) { return x; }
};

template <class X, class S> constexpr bool has_shape = std::is_same_v<typename X::shape_type, S>;

/// An expression of rows of X with operators F, as type checks see it.
template <class X, class... F> expr<shape<tokens, X>, F...> row();

}  // namespace

TEST_CASE("axes are equal when their tags and extents are") {
  static_assert(same_axis<axis<one, 8>, A> && !same_axis<A, axis<one, 9>> && !same_axis<A, axis<two, 8>>);
  static_assert(!same_axis<Q, axis<one, 8>>, "heads are not a mere width");
  static_assert(A::extent == 8 && Q::extent == 8 && Q::count == 4 && Q::size == 2 && tokens::extent == dynamic);
  static_assert(is_heads<Q> && !is_heads<A>);
  static_assert(shape<tokens, A>::rank == 2);
}

TEST_CASE("the type of an expression holds its axes") {
  static_assert(has_shape<decltype(matmul(row<A>(), weight<mix, B, A>)), shape<tokens, B>>);
  static_assert(has_shape<decltype(matmul(row<A>(), weight<mix, Q, A>)), shape<tokens, Q>>);
  static_assert(has_shape<decltype(rms_norm(row<A>(), weight<gain, A>)), shape<tokens, A>>);
  static_assert(has_shape<decltype(row<A>() + row<A>() * silu(row<A>())), shape<tokens, A>>);
  static_assert(has_shape<decltype(row<A>() * weight<gain, A> + weight<gain, A>), shape<tokens, A>>);
  static_assert(has_shape<decltype(rope(row<Q>())), shape<tokens, Q>>);
  static_assert(has_shape<decltype(rope(row<Q>(), rotation{.factor = 4})), shape<tokens, Q>>);
  static_assert(has_shape<decltype(layer_norm(row<A>(), weight<gain, A>, weight<mix, A>)), shape<tokens, A>>);
  static_assert(has_shape<decltype(2.0 * normalise(row<A>()) * 2), shape<tokens, A>>);
  static_assert(has_shape<decltype(gelu_tanh(row<A>())), shape<tokens, A>>);
  static_assert(has_shape<decltype(head_rms_norm(row<Q>(), weight<gain, axis<two, 2>>)), shape<tokens, Q>>);
  static_assert(has_shape<decltype(attention(row<Q>(), row<KV>(), row<KV>(), 3)), shape<tokens, Q>>);
  static_assert(has_shape<decltype(embedding(positions(expr<token_ids>{}), weight<mix, B, A>)), shape<tokens, A>>);
  static_assert(has_shape<decltype(attention(row<Q>(), row<KV>(), row<KV>())), shape<tokens, Q>>);
  static_assert(has_shape<decltype(embedding(expr<token_ids>{}, weight<mix, B, A>)), shape<tokens, A>>);
  static_assert(has_shape<decltype(custom_row<doubled>(row<A>())), shape<tokens, axis<one, 16>>>);
}

TEST_CASE("and the operators from outside that it has met, each once") {
  static_assert(std::is_same_v<functors_of<decltype(map<sign>(row<A>()))>, functors<sign>>);
  using both = decltype(map<sign>(row<A>()) + map<half>(row<A>()) * map<sign>(row<A>()));
  static_assert(std::is_same_v<functors_of<both>, functors<sign, half>>);
  static_assert(std::is_same_v<functors_of<decltype(matmul(row<A, half>(), weight<mix, B, A>))>, functors<half>>);
  static_assert(std::is_same_v<functors_of<decltype(attention(row<Q, sign>(), row<KV>(), row<KV, half>()))>,
                               functors<sign, half>>);
  static_assert(std::is_same_v<functors_of<decltype(custom_row<doubled>(row<A, sign>()))>, functors<sign, doubled>>);
  static_assert(functors<sign, half>::count == 2 && std::is_same_v<functor_at<1, functors<sign, half>>, half>);
  static_assert(std::is_same_v<unite<functors<sign>, functors<>>, functors<sign>>);
}

TEST_CASE("operators from outside are told by what they have") {
  static_assert(custom_map<sign> && !custom_map<nameless> && !custom_map<doubled>);
  static_assert(custom_row_operator<doubled, A> && !custom_row_operator<sign, A>);
}

TEST_CASE("after an error every operator is silent") {
  constexpr failed f{};
  static_assert(std::is_same_v<decltype(matmul(f, weight<mix, B, A>)), failed>);
  static_assert(std::is_same_v<decltype(rms_norm(f, weight<gain, A>, 1e-6)), failed>);
  static_assert(std::is_same_v<decltype(f + row<A>()), failed> && std::is_same_v<decltype(row<A>() + f), failed>);
  static_assert(std::is_same_v<decltype(f * f), failed> && std::is_same_v<decltype(row<A>() * f), failed>);
  static_assert(std::is_same_v<decltype(silu(f)), failed> && std::is_same_v<decltype(map<sign>(f)), failed>);
  static_assert(std::is_same_v<decltype(rope(f, 1e5)), failed> &&
                std::is_same_v<decltype(custom_row<doubled>(f)), failed>);
  static_assert(std::is_same_v<decltype(attention(f, row<KV>(), f)), failed> &&
                std::is_same_v<decltype(attention(row<Q>(), f, row<KV>())), failed>);
  static_assert(std::is_same_v<decltype(attention(row<Q>(), row<KV>(), f)), failed>);
  static_assert(std::is_same_v<decltype(attention(row<Q>(), f, row<KV>(), 3)), failed>);
  static_assert(std::is_same_v<decltype(layer_norm(f, weight<gain, A>, weight<mix, A>)), failed>);
  static_assert(std::is_same_v<decltype(2.0 * normalise(f) * 2.0), failed> && std::is_same_v<decltype(gelu_tanh(f)), failed>);
  static_assert(std::is_same_v<decltype(head_rms_norm(f, weight<gain, A>)), failed>);
  static_assert(std::is_same_v<decltype(embedding(positions(f), weight<mix, B, A>)), failed>);
  static_assert(std::is_same_v<decltype(rope(f, rotation{.factor = 4})), failed>);
}

TEST_CASE("expressions append to the graph of their operands") {
  graph g{};
  rows<A> const x{{&g, g.add({.kind = op::input, .cols = A::extent})}};
  auto const y = matmul(x + x, weight<mix, B, A>);
  CHECK(y.v.g == &g);
  CHECK(g.count == 4);
  CHECK(g.nodes[y.v.id].kind == op::matmul);
  CHECK(g.nodes[y.v.id].cols == 6);
  auto const again = matmul(x + x, weight<mix, B, A>);
  CHECK(again.v.id == y.v.id);
}
