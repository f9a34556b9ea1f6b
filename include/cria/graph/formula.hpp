#pragma once
// Formulas: what a node computes, written with the values that are in memory.
#include "cria/graph/label.hpp"

namespace cria {

namespace detail {

/// q, k or v where the only attention of a graph reads node i, else nothing.
constexpr std::string_view name_for_attention(graph const& g, int i) {
  if (g.count_of(op::attention) != 1) return {};
  for (int u = i + 1; u < g.count; ++u)
    for (std::size_t k = 0; k < 3 && g.nodes[u].kind == op::attention; ++k)
      if (g.nodes[u].in[k] == i) return std::string_view("qkv").substr(k, 1);
  return {};
}

/// What node i is captured as, else nothing.
constexpr std::string_view captured_name(graph const& g, int i) {
  for (int k = 0; k < g.capture_count; ++k)
    if (g.outputs[g.captures[k].at] == i) return g.symbols[g.captures[k].symbol].name;
  return {};
}

constexpr bool has_role(graph const& g, int i) {
  bool const result = g.output_count > 0 && g.outputs[0] == i;
  return is_leaf(g.nodes[i]) || result || !captured_name(g, i).empty() || !name_for_attention(g, i).empty();
}

}  // namespace detail

/// What a value in memory is called: a weight's name; x and dy (inputs), q, k, v, y (the first output); the others a to
/// f in their order, or %n where they are more.
template <class Text> constexpr void append_name(Text& to, plan const& p, int i) {
  graph const& g = p.g;
  if (g.nodes[i].kind == op::weight) return void(to += g.name(i));
  if (g.nodes[i].kind == op::input && g.nodes[i].part < 0) return void(to += g.nodes[i].part == input_role::own ? "x" : "dy");
  if (g.nodes[i].kind == op::input) return void(to += "kept "), append_integer(to, g.nodes[i].part);
  if (g.output_count > 0 && g.outputs[0] == i) return void(to += "y");
  if (auto const name = detail::captured_name(g, i); !name.empty()) return void(to += name);
  if (auto const name = detail::name_for_attention(g, i); !name.empty()) return void(to += name);
  int before = 0, all = 0;
  for (int j = 0; j < g.count; ++j)
    if (p.stored[j] && !detail::has_role(g, j)) ++all, before += j < i;
  if (all <= 6) return void(to += std::string_view("abcdef").substr(std::size_t(before), 1));
  to += "%";
  append_integer(to, i);
}

/// [token, 4096], [4096, 11008], [4096]
template <class Text> constexpr void append_shape(Text& to, node const& n) {
  to += "[";
  if (n.rows == per_token) to += "token, ";
  if (n.rows > 1) append_integer(to, n.rows), to += ", ";
  append_integer(to, n.cols);
  to += "]";
}

namespace detail {

/// How tightly a formula binds, loosest first.
enum class binding { sum, product, pair, call };

constexpr bool in_memory_for(plan const& p, int q, int i) {
  return is_leaf(p.g.nodes[i]) || (p.home[i] >= 0 && p.home[i] != q);
}

constexpr binding binding_of(plan const& p, int q, int i) {
  node const& n = p.g.nodes[i];
  if (in_memory_for(p, q, i)) return binding::call;
  if (n.kind == op::map && n.f == fn::add) return binding::sum;
  if (n.kind == op::map && (n.f == fn::mul || n.f == fn::scale)) return binding::product;
  return is_contraction(n.kind) ? binding::pair : binding::call;
}

/// An operand of a contraction: its name, or h (left) and g (right) when the kernel's prologue computes it.
template <class Text> constexpr void append_operand(Text& to, plan const& p, int q, int i, std::string_view recomputed) {
  if (in_memory_for(p, q, i)) append_name(to, p, i);
  else to += recomputed;
}

}  // namespace detail

/// What kernel q computes for node i: "silu(w1 h) * (w3 h)". A contraction is written with h, its prologue.
template <class Text> constexpr void append_formula(Text& to, plan const& p, int q, int i) {
  node const& n = p.g.nodes[i];
  auto const nested = [&](int j, detail::binding least) {
    bool const memory = detail::in_memory_for(p, q, j), loose = detail::binding_of(p, q, j) < least;
    to += loose ? "(" : "";
    if (memory) append_name(to, p, j);
    else append_formula(to, p, q, j);
    to += loose ? ")" : "";
  };
  if (n.kind == op::map && (n.f == fn::add || n.f == fn::mul)) {
    bool const sum = n.f == fn::add;
    nested(n.in[0], sum ? detail::binding::sum : detail::binding::product);
    to += sum ? " + " : " * ";
    nested(n.in[1], sum ? detail::binding::sum : detail::binding::call);
  } else if (n.f == fn::scale) {
    append_parameter(to, n.scalar), to += " * ";
    nested(n.in[0], detail::binding::call);
  } else if (n.kind == op::matmul_dw) {
    detail::append_operand(to, p, q, n.in[0], "h");
    to += "^T ";
    detail::append_operand(to, p, q, n.in[1], "g");
  } else if (is_contraction(n.kind)) {
    for (int w = 1; w < n.arity(); w += 2) {
      to += w > 1 ? " + " : "";
      append_name(to, p, n.in[w]);
      to += n.kind == op::matmul_dx ? "^T " : " ";
      detail::append_operand(to, p, q, n.in[w - 1], "h");
    }
  } else {
    to += n.kind == op::row_sum ? "sum" : name_of(p.g, i);
    to += n.kind == op::rope && n.part < 0 ? " back(" : n.f == fn::custom && n.part >= 0 ? "'(" : "(";
    for (int k = 0; k < n.arity(); ++k) {
      to += k > 0 ? ", " : "";
      nested(n.in[k], detail::binding::sum);
    }
    to += ")";
  }
}

}  // namespace cria
