#pragma once
// Graphs and plans as tables.
#include "cria/graph/cost.hpp"
#include "cria/graph/parts.hpp"
#include "cria/graph/place.hpp"

namespace cria {

namespace detail {

/// A line of cells, each filled by `write(line)`; nothing is written behind the last one that has text.
template <class Text> struct table_line {
  Text& to;
  int written = 0, start = 2;

  constexpr table_line& operator+=(std::string_view s) {
    for (; !s.empty() && written < start; ++written) to += " ";
    to += s;
    written += int(s.size());
    return *this;
  }
  template <class Write> constexpr table_line& cell(int width, Write const& write) {
    write(*this);
    start = start + width > written + 1 ? start + width : written + 2;
    return *this;
  }
  constexpr table_line& word(int width, std::string_view s) {
    return cell(width, [s](auto& sink) { sink += s; });
  }
  constexpr void end() { to += "\n"; }
};

/// What a node has besides its operands.
template <class Text> constexpr void append_details(Text& to, graph const& g, node const& n) {
  for (int k = 0; n.kind == op::weight && k < n.type.count; ++k)
    to += k > 0 ? "+" : "", to += facts(n.type.type[std::size_t(k)]).name;
  if (n.kind == op::rope) {
    to += "heads of ", append_integer(to, n.size), to += ", theta ", append_parameter(to, g.rotations[n.turn].turn.theta);
    if (double const factor = g.rotations[n.turn].turn.factor; factor != 1) to += " slowed ", append_parameter(to, factor);
    to += n.part < 0 ? ", back" : "";
  }
  if (n.kind == op::attention || n.kind == op::attention_back) {
    append_integer(to, n.count), to += " heads over ", append_integer(to, n.kv_count);
    to += ", each of ", append_integer(to, n.size);
    if (n.window > 0) to += ", window ", append_integer(to, n.window);
    if (n.part >= 0) to += ", operand ", append_integer(to, n.part);
  }
  if (n.f == fn::rstd) to += "width ", append_integer(to, n.size), to += ", epsilon ", append_parameter(to, n.scalar);
  if (n.f == fn::scale) to += "by ", append_parameter(to, n.scalar);
  if (n.f == fn::custom && n.part >= 0) to += "derivative ", append_integer(to, n.part);
}

}  // namespace detail

/// The nodes of a graph with operands, shapes and formats.
template <class Text> constexpr void append_table(Text& to, graph const& g) {
  detail::table_line<Text> head{to};
  head.word(6, "node").word(18, "what").word(22, "operands").word(18, "shape").word(0, "format, details").end();
  for (int i = 0; i < g.count; ++i) {
    node const& n = g.nodes[i];
    auto const operands = [&](auto& sink) {
      for (int k = 0; k < n.arity(); ++k) sink += k > 0 ? " %" : "%", append_integer(sink, n.in[k]);
    };
    detail::table_line<Text>{to}
        .cell(6, [i](auto& sink) { sink += "%", append_integer(sink, i); })
        .word(18, name_of(g, i))
        .cell(22, operands)
        .cell(18, [&n](auto& sink) { append_shape(sink, n); })
        .cell(0, [&](auto& sink) { detail::append_details(sink, g, n); })
        .end();
  }
}

/// The kernels of a plan: class, cost, and their parts. An h is the kernel's own prologue.
template <class Text> constexpr void append_kernels_table(Text& to, plan const& p, dtype cache) {
  detail::table_line<Text> head{to};
  head.word(26, "kernel").word(16, "class").word(14, "FLOP a row").word(14, "of weights").word(0, "of rows").end();
  for (int q = 0; q < p.count; ++q) {
    kernel_cost const c = cost_of(p, q, cache);
    detail::table_line<Text>{to}
        .word(26, label_of(p, q).view())
        .word(16, name_of(p.groups[q].k))
        .cell(14, [&c](auto& sink) { append_rounded(sink, c.flops_per_row); })
        .cell(14, [&c](auto& sink) { append_bytes(sink, c.weight_bytes); })
        .cell(0, [&c](auto& sink) { append_bytes(sink, c.bytes_per_row), sink += " a row"; })
        .end();
    if (c.flops_per_position > 0)
      detail::table_line<Text>{to}
          .word(42, "    for each position")
          .cell(28, [&c](auto& sink) { append_rounded(sink, c.flops_per_position); })
          .cell(0, [&c](auto& sink) { append_bytes(sink, c.cache_bytes_per_position); })
          .end();
    auto const part = [&](std::string_view name, auto const& write) {
      detail::table_line<Text>{.to = to, .start = 6}.word(13, name).cell(0, write).end();
    };
    visit_parts(p, q, part);
    part("stores", [&](auto& sink) { append_stores(sink, p, q); });
  }
}

/// The values in memory: where, how large, and from which to which kernel they are needed.
template <class Text> constexpr void append_places_table(Text& to, plan const& p, dtype cache) {
  detail::table_line<Text> head{to};
  head.word(18, "value").word(18, "shape").word(18, "place").word(20, "size").word(0, "kernels").end();
  life_times const lives = lives_of(p);
  for (int i = 0; i < p.g.count; ++i) {
    if (p.where[i].at == region::none) continue;
    auto const life = [&](auto& sink) {
      if (p.home[i] >= 0) append_integer(sink, p.home[i]);
      if (lives.last[i] > p.home[i]) sink += p.home[i] >= 0 ? " to " : "to ", append_integer(sink, lives.last[i]);
    };
    detail::table_line<Text>{to}
        .cell(18, [&](auto& sink) { append_name(sink, p, i); })
        .cell(18, [&](auto& sink) { append_shape(sink, p.g.nodes[i]); })
        .cell(18, [&](auto& sink) { append_place(sink, p.where[i]); })
        .cell(20, [&](auto& sink) { append_size(sink, p, i, cache); })
        .cell(0, life)
        .end();
  }
}

}  // namespace cria
