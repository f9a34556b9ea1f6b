#pragma once
// From a block's forward to its graph, while the compiler evaluates.
#include "cria/expr/embedding.hpp"
#include "cria/expr/expr.hpp"

namespace cria {

namespace detail {

template <class Shape> struct input_of;
template <> struct input_of<token_ids> {
  static constexpr int make(graph&) { return -1; }
};
template <class T, class A> struct input_of<shape<T, A>> {
  static constexpr int make(graph& g) { return g.add({.kind = op::input, .cols = A::extent}); }
};

/// Gives each custom node the index of its functor in the list.
template <class... F> constexpr void number(graph& g, functors<F...>) {
  void const* const keys[] = {nullptr, &key_of<F>...};
  for (int i = 0; i < g.count; ++i)
    if (g.nodes[i].f == fn::custom)
      for (short k = 0; k < short(sizeof...(F)); ++k)
        if (g.symbols[g.nodes[i].symbol].key == keys[k + 1]) g.nodes[i].functor = k;
}

}  // namespace detail

/// A named struct with an `input` shape and a `forward(auto x)`.
template <class Block> using result_of = decltype(Block::forward(expr<typename Block::input>{}));

template <class R> struct functors_of_result { using type = functors<>; };
template <class S, class... F> struct functors_of_result<expr<S, F...>> { using type = functors<F...>; };

/// The operators from outside the library that a block uses.
template <class Block> using functors_in = typename functors_of_result<result_of<Block>>::type;

/// Whether a stage returned rows of the expected axes; true where an error was reported already.
template <class Expected, class Result> inline constexpr bool same_rows = false;
template <class Expected> inline constexpr bool same_rows<Expected, failed> = true;
template <class S, class... F> inline constexpr bool same_rows<expr<S>, expr<S, F...>> = true;

/// The graph of Block::forward: one input (or token ids), its weights, one output. Empty when an error was reported.
template <class Block> constexpr graph record() {
  graph g{};
  using input = typename Block::input;
  expr<input> const x{{&g, detail::input_of<input>::make(g)}};
  auto const y = Block::forward(x);
  if constexpr (is_expr<std::remove_cv_t<decltype(y)>>) {
    detail::number(g, functors_in<Block>{});
    g.output(y.v.id);
    g.output_captures();
  } else {
    return graph{};
  }
  return prune(g);
}

}  // namespace cria
