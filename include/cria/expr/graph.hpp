#pragma once
// The graph: an array of nodes in the order in which they can be computed. It lives while the compiler evaluates.
#include <string_view>

#include "cria/core/rotation.hpp"
#include "cria/expr/node.hpp"

namespace cria {

/// The identity of a tag type, comparable while compiling; host only.
template <class Tag> inline constexpr char key_of = 0;

struct symbol {
  void const* key = nullptr;
  std::string_view name{};
};

/// Different rotations of one graph, each with a table [position, size] of its own.
inline constexpr int max_rotations = 2;

/// A rotation of heads of `size` values.
struct head_rotation {
  rotation turn{};
  int size = 0;
  constexpr bool operator==(head_rotation const&) const = default;
};

/// A value that is kept under a name. `at` is its node while a block is recorded, afterwards its place among the outputs.
struct captured_value {
  short symbol = -1, at = -1;
};

/// The nodes of a block, and which of them are its outputs. Of a fixed size, so that it can be a constant.
struct graph {
  static constexpr int capacity = 192, symbol_capacity = 32, output_capacity = 24, input_capacity = 20, capture_capacity = 12;

  node nodes[capacity]{};
  int count = 0;
  symbol symbols[symbol_capacity]{};
  int symbol_count = 0;
  head_rotation rotations[max_rotations]{};
  int rotation_count = 0;  // also of those that found no room
  short outputs[output_capacity]{};
  short leaf_of[output_capacity]{};  // the leaf whose gradient an output is; -1 for values
  int output_count = 0;
  captured_value captures[capture_capacity]{};
  int capture_count = 0;
  bool full = false;  // something had no room any more: the graph is not what was asked for

  /// Appends a node and returns its index; an equal node that is there already is returned instead.
  constexpr int add(node const& n) {
    if (n.kind != op::input)
      for (int i = 0; i < count; ++i)
        if (nodes[i] == n) return i;
    if (count == capacity) full = true;
    else nodes[count++] = n;
    return count - 1;
  }

  constexpr short intern(symbol s) {
    for (int i = 0; i < symbol_count; ++i)
      if (symbols[i].key == s.key) return short(i);
    if (symbol_count == symbol_capacity) full = true;
    else symbols[symbol_count++] = s;
    return short(symbol_count - 1);
  }

  /// The index of a rotation, the same in all graphs that are made from this one: forward and backward share tables.
  constexpr short intern(head_rotation const& r) {
    for (int i = 0; i < rotation_count && i < max_rotations; ++i)
      if (rotations[i] == r) return short(i);
    if (rotation_count < max_rotations) rotations[rotation_count] = r;
    return short(rotation_count++);
  }

  /// Makes node i an output: a value, or the gradient of a leaf. Outputs are stored by a kernel of their own, so a leaf or a
  /// second use is copied.
  constexpr void output(int i, int leaf = -1) {
    if (is_leaf(nodes[i]) || output_index(i) >= 0) {
      node copy{.kind = op::map, .f = fn::copy, .part = short(output_count), .rows = nodes[i].rows, .cols = nodes[i].cols};
      copy.in[0] = short(i);
      i = add(copy);
    }
    if (output_count == output_capacity) full = true;
    else leaf_of[output_count] = short(leaf), outputs[output_count++] = short(i);
  }

  constexpr void capture(short symbol, int i) {
    if (capture_count == capture_capacity) full = true;
    else captures[capture_count++] = {symbol, short(i)};
  }
  /// Makes outputs of the nodes that are captured, behind those that are there.
  constexpr void output_captures() {
    for (int k = 0; k < capture_count; ++k) {
      int const known = output_index(captures[k].at);
      if (known < 0) output(captures[k].at);
      captures[k].at = short(known < 0 ? output_count - 1 : known);
    }
  }

  /// Where node i stands among the outputs, or -1.
  constexpr int output_index(int i) const {
    for (int k = 0; k < output_count; ++k)
      if (outputs[k] == i) return k;
    return -1;
  }

  /// Where node i stands among the nodes of its kind.
  constexpr int index_in_kind(int i) const {
    int n = 0;
    for (int j = 0; j < i; ++j) n += nodes[j].kind == nodes[i].kind;
    return n;
  }

  constexpr int count_of(op k) const {
    int n = 0;
    for (int i = 0; i < count; ++i) n += nodes[i].kind == k;
    return n;
  }

  constexpr std::string_view name(int i) const {
    return nodes[i].symbol < 0 ? std::string_view{} : symbols[nodes[i].symbol].name;
  }
};

/// Whether output k is a weight's gradient, which is added to what is there; others are stored.
constexpr bool accumulates(graph const& g, int k) {
  return k >= 0 && g.leaf_of[k] >= 0 && g.nodes[g.leaf_of[k]].kind == op::weight;
}

/// Drops what no output needs. Inputs and weights stay: callers bind them by their order and name.
constexpr graph prune(graph const& g) {
  bool live[graph::capacity]{};
  for (int k = 0; k < g.output_count; ++k) live[g.outputs[k]] = true;
  for (int i = g.count - 1; i >= 0; --i)
    if (live[i] || is_leaf(g.nodes[i])) {
      live[i] = true;
      for (short j : g.nodes[i].in)
        if (j >= 0) live[j] = true;
    }
  graph r = g;
  r.count = r.output_count = 0;
  short moved[graph::capacity]{};
  for (int i = 0; i < g.count; ++i) {
    if (!live[i]) continue;
    node n = g.nodes[i];
    for (short& j : n.in)
      if (j >= 0) j = moved[j];
    r.nodes[r.count] = n;
    moved[i] = short(r.count++);
  }
  for (int k = 0; k < g.output_count; ++k) r.output(moved[g.outputs[k]], g.leaf_of[k] < 0 ? -1 : moved[g.leaf_of[k]]);
  return r;
}

}  // namespace cria
