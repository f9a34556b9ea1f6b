#pragma once
// Graphs as text: a table, dot or Mermaid, as they are recorded, fused or placed.
#include "cria/graph/drawing.hpp"
#include "cria/graph/table.hpp"

namespace cria {

enum class graph_stage { recorded, fused, placed };
enum class graph_format { table, dot, mermaid };

/// Writes graphs one after another into one table, digraph or flowchart: begin, print each, end. `Text` has `+=` for a
/// view: a fixed_text while compiling, a string when the program runs.
template <class Text> struct graph_printer {
  Text& to;
  graph_stage stage;
  graph_format format;
  dtype cache;  // of keys and values

  constexpr void begin() {
    if (format == graph_format::dot) dot_picture<Text>{to}.begin();
    if (format == graph_format::mermaid) mermaid_picture<Text>{to}.begin();
  }

  constexpr void print(std::string_view title, plan const& p) {
    if (format == graph_format::table) return table(title, p);
    if (format == graph_format::dot) return draw(dot_picture<Text>{to}, title, p);
    draw(mermaid_picture<Text>{to}, title, p);
  }

  /// An arrow from the output of the graph that was printed as `from` to the input of the one printed as `into`.
  constexpr void connect(std::string_view from, plan const& p, std::string_view into) {
    char const letter = stage == graph_stage::recorded ? 'n' : 'v';
    box_id const y{from, letter, p.g.outputs[0]}, x{into, letter, 0};
    if (format == graph_format::dot) dot_picture<Text>{to}.arrow(y, x);
    if (format == graph_format::mermaid) mermaid_picture<Text>{to}.arrow(y, x);
  }

  constexpr void end() {
    if (format == graph_format::dot) dot_picture<Text>{to}.end();
  }

 private:
  constexpr void table(std::string_view title, plan const& p) {
    to += title, to += ": ";
    switch (stage) {
      case graph_stage::recorded:
        append_integer(to, p.g.count), to += " nodes\n";
        append_table(to, p.g);
        break;
      case graph_stage::fused:
        append_integer(to, p.count), to += p.count == 1 ? " kernel\n" : " kernels\n";
        append_kernels_table(to, p, cache);
        break;
      case graph_stage::placed:
        to += "workspace of ", append_integer(to, p.work), to += " floats a row\n";
        append_places_table(to, p, cache);
        break;
    }
    to += "\n";
  }

  template <class Picture> constexpr void draw(Picture picture, std::string_view title, plan const& p) {
    switch (stage) {
      case graph_stage::recorded: draw_nodes(picture, title, p.g); break;
      case graph_stage::fused: draw_kernels(picture, title, p, cache); break;
      case graph_stage::placed: draw_places(picture, title, p, cache); break;
    }
  }
};

}  // namespace cria
