#pragma once
// Weights: named leaves. They are found by name, never by number.
#include "cria/core/shape.hpp"
#include "cria/expr/build.hpp"

namespace cria {

/// A weight with its axes, in the order of the files: [out, in] or [axis].
template <class Tag, class... Axes> struct weight_t {};

/// `weight<wq, Q, E>`: Tag is a struct with `static constexpr char name[]`.
template <class Tag, class... Axes> inline constexpr weight_t<Tag, Axes...> weight{};

template <class Tag, class A> constexpr var leaf(graph* g, weight_t<Tag, A>) {
  return {g, g->add({.kind = op::weight, .rows = 1, .cols = A::extent, .symbol = g->intern({&key_of<Tag>, Tag::name})})};
}
template <class Tag, class Out, class In> constexpr var leaf(graph* g, weight_t<Tag, Out, In>) {
  short const symbol = g->intern({&key_of<Tag>, Tag::name});
  return {g, g->add({.kind = op::weight, .rows = Out::extent, .cols = In::extent, .symbol = symbol})};
}

}  // namespace cria
