#pragma once
// Pictures of boxes and arrows, as dot (Graphviz) and Mermaid say them.
#include "cria/core/text.hpp"

namespace cria {

/// What a box stands for: decides its look.
enum class look { value, weight, cache, contraction, attention, row };

/// The name of a box: the first word of a graph's title, a letter and a number.
struct box_id {
  std::string_view graph;
  char letter;
  int number;
};

namespace detail {

struct look_facts {
  std::string_view name, fill, line;
};
constexpr look_facts facts(look l) {
  constexpr look_facts table[] = {{"value", "#f1f5f9", "#94a3b8"},     {"weight", "#fef9c3", "#ca8a04"},
                                  {"cache", "#ccfbf1", "#0d9488"},     {"contraction", "#dbeafe", "#2563eb"},
                                  {"attention", "#ffedd5", "#ea580c"}, {"row", "#dcfce7", "#16a34a"}};
  return table[std::size_t(l)];
}

template <class Text> constexpr void put_one(Text& to, std::string_view s) { to += s; }
template <class Text> constexpr void put_one(Text& to, box_id id) {
  to += id.graph.substr(0, id.graph.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"));
  to += std::string_view(&id.letter, 1);
  append_integer(to, id.number);
}
template <class Text, class... Parts> constexpr void put(Text& to, Parts const&... parts) { (put_one(to, parts), ...); }

/// Passes text on, with special characters as HTML (dot: begin "&") or Mermaid ("#") wants them.
template <class Text> struct escaped {
  Text& to;
  std::string_view begin;
  constexpr escaped& operator+=(std::string_view s) {
    for (char const& ch : s) {
      std::string_view const name = ch == '&'   ? "amp;"
                                    : ch == '<' ? "lt;"
                                    : ch == '>' ? "gt;"
                                    : ch == '"' ? "quot;"
                                                : "";
      to += name.empty() ? std::string_view(&ch, 1) : begin;
      to += name;
    }
    return *this;
  }
};

}  // namespace detail

/// Graphviz: one digraph, a cluster for each graph. Texts come as functions that write to a sink.
template <class Text> struct dot_picture {
  Text& to;

  constexpr void begin() {
    to += "digraph cria {\n"
          "  bgcolor=\"white\";\n"
          "  graph [fontname=\"Helvetica\", fontsize=15, fontcolor=\"#334155\", ranksep=0.4, nodesep=0.3];\n"
          "  node [fontname=\"Helvetica\", fontsize=12, fontcolor=\"#0f172a\", height=0.3, margin=\"0.12,0.06\"];\n"
          "  edge [fontname=\"Helvetica\", fontsize=11, fontcolor=\"#475569\", color=\"#64748b\", arrowsize=0.7];\n";
  }
  constexpr void end() { to += "}\n"; }

  constexpr void begin_graph(std::string_view title) {
    auto sink = text();
    detail::put(to, "  subgraph cluster_", box_id{title, 'g', 0}, " {\n    label=<<B>"), sink += title;
    to += "</B>>; labeljust=l; style=rounded; color=\"#cbd5e1\"; margin=16;\n";
  }
  constexpr void end_graph() { to += "  }\n"; }

  /// A value: one line.
  template <class Head> constexpr void value(box_id id, look l, Head const& head) {
    auto sink = text();
    bool const cache = l == look::cache;
    detail::put(to, "    ", id, " [", cache ? "shape=cylinder, style=filled" : "shape=box, style=\"rounded,filled\"");
    detail::put(to, ", fillcolor=\"", detail::facts(l).fill, "\", color=\"", detail::facts(l).line, "\", label=<");
    head(sink), to += ">];\n";
  }
  /// A kernel: a head and a line for each part; `parts(part)` calls part(name, write).
  template <class Head, class Parts> constexpr void kernel(box_id id, look l, Head const& head, Parts const& parts) {
    auto sink = text();
    detail::put(to, "    ", id, " [shape=plain, label=<<TABLE CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"5\"");
    detail::put(to, " COLOR=\"", detail::facts(l).line, "\" BGCOLOR=\"white\">");
    detail::put(to, "<TR><TD COLSPAN=\"2\" BGCOLOR=\"", detail::facts(l).fill, "\"><B>"), head(sink), to += "</B></TD></TR>";
    parts([&](std::string_view name, auto const& write) {
      detail::put(to, "<TR><TD ALIGN=\"RIGHT\"><FONT COLOR=\"#64748b\">", name, "</FONT></TD><TD ALIGN=\"LEFT\">");
      write(sink), to += "</TD></TR>";
    });
    to += "</TABLE>>];\n";
  }
  constexpr void arrow(box_id from, box_id into) { detail::put(to, "    ", from, " -> ", into, ";\n"); }
  template <class Write> constexpr void arrow(box_id from, box_id into, Write const& write) {
    auto sink = text();
    detail::put(to, "    ", from, " -> ", into, " [label=<&#160;"), write(sink), to += "&#160;>];\n";
  }

 private:
  constexpr detail::escaped<Text> text() { return {to, "&"}; }
};

/// Mermaid: one flowchart, a subgraph for each graph.
template <class Text> struct mermaid_picture {
  Text& to;

  constexpr void begin() {
    to += "flowchart TB\n";
    for (int l = 0; l <= int(look::row); ++l) {
      detail::look_facts const f = detail::facts(look(l));
      detail::put(to, "  classDef ", f.name, " fill:", f.fill, ",stroke:", f.line, "\n");
    }
  }
  constexpr void end() {}

  constexpr void begin_graph(std::string_view title) {
    auto sink = text();
    detail::put(to, "  subgraph ", box_id{title, 'g', 0}, "[\""), sink += title, to += "\"]\n";
  }
  constexpr void end_graph() { to += "  end\n"; }

  template <class Head> constexpr void value(box_id id, look l, Head const& head) {
    auto sink = text();
    bool const cache = l == look::cache;
    detail::put(to, "    ", id, cache ? "[(\"" : "([\""), head(sink);
    detail::put(to, cache ? "\")]" : "\"])", ":::", detail::facts(l).name, "\n");
  }
  template <class Head, class Parts> constexpr void kernel(box_id id, look l, Head const& head, Parts const& parts) {
    auto sink = text();
    detail::put(to, "    ", id, "[\"<b>"), head(sink), to += "</b>";
    parts([&](std::string_view name, auto const& write) { detail::put(to, "<br/>", name, ": "), write(sink); });
    detail::put(to, "\"]:::", detail::facts(l).name, "\n");
  }
  constexpr void arrow(box_id from, box_id into) { detail::put(to, "    ", from, " --> ", into, "\n"); }
  template <class Write> constexpr void arrow(box_id from, box_id into, Write const& write) {
    auto sink = text();
    detail::put(to, "    ", from, " -->|\""), write(sink), detail::put(to, "\"| ", into, "\n");
  }

 private:
  constexpr detail::escaped<Text> text() { return {to, "#"}; }
};

}  // namespace cria
