#pragma once
// Graphs and plans as pictures: boxes for nodes, kernels and values, arrows for what flows.
#include "cria/graph/parts.hpp"
#include "cria/graph/picture.hpp"
#include "cria/graph/place.hpp"

namespace cria {

namespace detail {

constexpr look look_of(op k) {
  if (k == op::input) return look::value;
  if (k == op::weight) return look::weight;
  if (is_contraction(k)) return look::contraction;
  return k == op::attention || k == op::attention_back ? look::attention : look::row;
}

constexpr look look_of(region r) {
  if (r == region::weight) return look::weight;
  return r == region::key_cache || r == region::value_cache ? look::cache : look::value;
}

template <class Text> constexpr void append_width(Text& to, plan const& p, int i) {
  append_name(to, p, i), to += " ";
  if (p.g.nodes[i].rows > 1) append_integer(to, p.g.nodes[i].rows), to += " x ";
  append_integer(to, p.g.nodes[i].cols);
}

template <class Picture, class Parts>
constexpr void draw_kernel(Picture& to, std::string_view title, plan const& p, int q, Parts const& parts) {
  look const l = look_of(p.g.nodes[p.groups[q].nodes[0]].kind);
  to.kernel({title, 'k', q}, l, [&](auto& sink) { sink += label_of(p, q).view(); }, parts);
}

/// Arrows from each value in memory to the kernels that load it: through the value's box, where `boxed(i)`, else
/// straight from the kernel that stores it. `head(i, sink)` says what stands in a box.
template <class Picture, class Boxed, class Head>
constexpr void draw_flow(Picture& to, std::string_view title, plan const& p, Boxed const& boxed, Head const& head) {
  auto const box = [&](int i) { return p.where[i].at != region::none && boxed(i); };
  auto const stored = [&](int i, box_id into) {
    to.arrow({title, 'k', p.home[i]}, into, [&](auto& sink) { append_width(sink, p, i); });
  };
  for (int i = 0; i < p.g.count; ++i) {
    if (!box(i)) continue;
    to.value({title, 'v', i}, look_of(p.where[i].at), [&](auto& sink) { head(i, sink); });
    if (p.home[i] >= 0) stored(i, {title, 'v', i});
  }
  for (int q = 0; q < p.count; ++q) {
    load_set const l = loads_of(p, q);
    for (int i = 0; i < p.g.count; ++i)
      if (l.loads[i] && box(i)) to.arrow({title, 'v', i}, {title, 'k', q});
      else if (l.loads[i] && p.home[i] >= 0) stored(i, {title, 'k', q});
  }
}

}  // namespace detail

/// A recorded graph: a box for each node, arrows from its operands.
template <class Picture> constexpr void draw_nodes(Picture& to, std::string_view title, graph const& g) {
  to.begin_graph(title);
  for (int i = 0; i < g.count; ++i) {
    to.value({title, 'n', i}, detail::look_of(g.nodes[i].kind), [&](auto& sink) {
      sink += "%", append_integer(sink, i), sink += " ", sink += name_of(g, i), sink += " ", append_shape(sink, g.nodes[i]);
    });
    for (int k = 0; k < g.nodes[i].arity(); ++k) to.arrow({title, 'n', g.nodes[i].in[k]}, {title, 'n', i});
  }
  to.end_graph();
}

/// A plan: a box for each kernel with its parts and cost; what comes from outside, leaves or stays has one too.
template <class Picture> constexpr void draw_kernels(Picture& to, std::string_view title, plan const& p, dtype cache) {
  to.begin_graph(title);
  for (int q = 0; q < p.count; ++q) {
    kernel_cost const c = cost_of(p, q, cache);
    detail::draw_kernel(to, title, p, q, [&](auto const& part) {
      visit_parts(p, q, part);
      part("costs", [&](auto& sink) { append_cost(sink, c); });
    });
  }
  auto const boxed = [&](int i) {
    region const at = p.where[i].at;
    return at != region::weight && at != region::work && at != region::fixed;
  };
  detail::draw_flow(to, title, p, boxed, [&](int i, auto& sink) {
    region const at = p.where[i].at;
    if (at == region::key_cache || at == region::value_cache) sink += at == region::key_cache ? "key cache" : "value cache";
    else detail::append_width(sink, p, i);
  });
  to.end_graph();
}

/// A plan: a box for each kernel and for each value in memory, with its place and size.
template <class Picture> constexpr void draw_places(Picture& to, std::string_view title, plan const& p, dtype cache) {
  to.begin_graph(title);
  for (int q = 0; q < p.count; ++q) detail::draw_kernel(to, title, p, q, [](auto const&) {});
  detail::draw_flow(to, title, p, [](int) { return true; }, [&](int i, auto& sink) {
    append_name(sink, p, i), sink += ": ", append_place(sink, p.where[i]), sink += ", ", append_size(sink, p, i, cache);
  });
  to.end_graph();
}

}  // namespace cria
