#pragma once
// What is said of kernels and values, in tables and pictures alike.
#include "cria/graph/cost.hpp"
#include "cria/graph/formula.hpp"

namespace cria {

constexpr std::string_view name_of(kernel_class k) {
  constexpr std::string_view names[] = {"row",       "matmul",       "matmul_dx", "matmul_dw",
                                        "token_sum", "embedding_dw", "attention", "attention_back"};
  return names[std::size_t(k)];
}

/// Where a value is, and from where on: "key cache 0", "workspace 4096".
template <class Text> constexpr void append_place(Text& to, spot s) {
  constexpr std::string_view names[] = {"",           "input ",       "weight ",    "output ",
                                        "key cache ", "value cache ", "workspace ", "fixed "};
  to += names[std::size_t(s.at)];
  append_integer(to, s.index);
}

template <class Text> constexpr void append_bytes(Text& to, double bytes) {
  append_rounded(to, bytes);
  to += "B";
}

/// The bytes of a value in memory; `cache` is the format of cached keys and values.
template <class Text> constexpr void append_size(Text& to, plan const& p, int i, dtype cache) {
  node const& n = p.g.nodes[i];
  bool const cached = p.where[i].at == region::key_cache || p.where[i].at == region::value_cache;
  double const rows = n.rows == per_token ? 1 : n.rows;
  append_bytes(to, rows * bytes_of(cached ? layer_formats(cache) : n.type, std::size_t(n.cols)));
  to += cached ? " a position" : n.rows == per_token ? " a row" : "";
}

/// "101 MFLOP and 49.2 kB a row; 31.5 MB of weights"
template <class Text> constexpr void append_cost(Text& to, kernel_cost const& c) {
  if (c.flops_per_row > 0) append_rounded(to, c.flops_per_row), to += "FLOP and ";
  append_bytes(to, c.bytes_per_row), to += " a row";
  if (c.flops_per_position > 0) to += "; ", append_rounded(to, c.flops_per_position), to += "FLOP";
  if (c.cache_bytes_per_position > 0) to += " and ", append_bytes(to, c.cache_bytes_per_position);
  to += c.flops_per_position > 0 ? " a position" : "";
  if (c.window > 0) to += " of the last ", append_integer(to, c.window);
  if (c.weight_bytes > 0) to += "; ", append_bytes(to, c.weight_bytes), to += " of weights";
}

/// What a kernel is made of: `part(name, write)` is called for its prologue, contraction and epilogue, where
/// `write(sink)` gives the text.
template <class Part> constexpr void visit_parts(plan const& p, int q, Part const& part) {
  group const& k = p.groups[q];
  node const& first = p.g.nodes[k.nodes[0]];
  auto const result = [&](auto& sink, int i) {
    if (p.stored[i]) append_name(sink, p, i), sink += " = ";
    append_formula(sink, p, q, i);
  };
  if (is_contraction(k.k)) {
    bool const turned = k.k == kernel_class::matmul_dw;
    for (int term = 0; term < (turned ? 1 : first.arity() / 2); ++term)
      if (int const i = first.in[turned ? 1 : 2 * term]; !detail::in_memory_for(p, q, i))
        part("prologue", [&](auto& sink) { sink += turned ? "g = " : "h = ", append_formula(sink, p, q, i); });
    part("contraction", [&](auto& sink) {
      for (int i = 0; i < k.count; ++i)
        if (p.g.nodes[k.nodes[i]].kind == first.kind) sink += i > 0 ? ", " : "", result(sink, k.nodes[i]);
    });
  }
  for (int o = 0; o < k.output_count; ++o)
    if (int const i = k.outputs[o]; !is_contraction(k.k)) part("computes", [&](auto& sink) { result(sink, i); });
    else if (p.g.nodes[i].kind != first.kind) part("epilogue", [&](auto& sink) { result(sink, i); });
}

/// What a kernel stores: "q [token, 4096], k [token, 4096] in the key cache".
template <class Text> constexpr void append_stores(Text& to, plan const& p, int q) {
  group const& k = p.groups[q];
  for (int o = 0; o < k.output_count; ++o) {
    to += o > 0 ? ", " : "", append_name(to, p, k.outputs[o]), to += " ", append_shape(to, p.g.nodes[k.outputs[o]]);
    region const at = p.where[k.outputs[o]].at;
    to += at == region::key_cache ? " in the key cache" : at == region::value_cache ? " in the value cache" : "";
  }
}

}  // namespace cria
