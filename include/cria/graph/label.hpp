#pragma once
// Names of kernels: what profilers and tables show.
#include "cria/graph/plan.hpp"
#include "cria/core/text.hpp"

namespace cria {

using label_text = fixed_text<96>;

constexpr std::string_view name_of(op k) {
  switch (k) {
    case op::input: return "input";
    case op::weight: return "weight";
    case op::embedding: return "embedding";
    case op::map: return "map";
    case op::rope: return "rope";
    case op::row_sum: return "row_sum";
    case op::token_sum: return "token_sum";
    case op::log_sum_exp: return "log_sum_exp";
    case op::pick: return "pick";
    case op::pick_back: return "pick_back";
    case op::matmul: return "matmul";
    case op::matmul_dx: return "matmul_dx";
    case op::matmul_dw: return "matmul_dw";
    case op::embedding_dw: return "embedding_dw";
    case op::attention: return "attention";
    case op::attention_lse: return "attention_lse";
    case op::attention_back: return "attention_back";
    case op::custom_row: return "custom_row";
    case op::custom_row_back: return "custom_row_back";
  }
  return "";
}

constexpr std::string_view name_of(fn f) {
  switch (f) {
    case fn::copy: return "copy";
    case fn::negative: return "-";
    case fn::add: return "add";
    case fn::subtract: return "subtract";
    case fn::softmax: return "softmax";
    case fn::mul: return "mul";
    case fn::scale: return "scale";
    case fn::along_head: return "along_head";
    case fn::in_each_head: return "in_each_head";
    case fn::gelu_tanh: return "gelu_tanh";
    case fn::gelu_tanh_slope: return "gelu_tanh'";
    case fn::silu: return "silu";
    case fn::silu_slope: return "silu'";
    case fn::rstd: return "rstd";
    case fn::rstd_slope: return "rstd'";
    default: return "";
  }
}

/// What a node is called: its function, its functor's or weight's name, or its kind.
constexpr std::string_view name_of(graph const& g, int i) {
  node const& n = g.nodes[i];
  if (n.symbol >= 0) return g.name(i);
  return n.kind == op::map ? name_of(n.f) : name_of(n.kind);
}

/// "cria/wq+wk+wv": the weights of a contraction, or the kind of another kernel.
constexpr label_text label_of(plan const& p, int q) {
  label_text r{};
  r += "cria/";
  group const& k = p.groups[q];
  node const& first = p.g.nodes[k.nodes[0]];
  if (!is_contraction(k.k)) return r += name_of(p.g, k.outputs[0]), r;
  bool more = false;
  for (int i = 0; i < k.count; ++i) {
    node const& n = p.g.nodes[k.nodes[i]];
    if (n.kind != first.kind) continue;
    r += more ? "+" : "";
    for (int w = 1; w < (n.kind == op::matmul_dw ? 2 : n.arity()); w += 2) {
      r += w > 1 ? "+" : "";
      r += n.kind == op::matmul_dw ? p.g.name(k.nodes[i]) : p.g.name(n.in[w]);
    }
    more = true;
  }
  return r += first.kind == op::matmul_dx ? ".dx" : first.kind == op::matmul_dw ? ".dw" : "", r;
}

}  // namespace cria
