#include "cria/graph/print.hpp"

#include <algorithm>
#include <set>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "cria/graph/program.hpp"
#include "graph/blocks.hpp"

using namespace cria;
using namespace cria::test;
using Catch::Matchers::ContainsSubstring;

namespace {

template <class Block>
constexpr plan const& planned = plan_of<forward_of<Block, policy::fast<>>>;
constexpr plan const& layer = plan_of<forward_of<block_stage<llama2::config_7b>, policy::fast<formats<q4_0>>>>;

std::string printed(plan const& p, graph_stage stage, graph_format format, std::string_view title = "block, twice") {
  std::string s;
  graph_printer<std::string> to{s, stage, format, dtype::f16};
  to.begin(), to.print(title, p), to.end();
  return s;
}

template <int N, class Write>
constexpr fixed_text<N> text(Write const& write) {
  fixed_text<N> t{};
  write(t);
  return t;
}
constexpr auto rounded(double x) {
  return text<16>([x](auto& to) { append_rounded(to, x); });
}
constexpr auto parameter(double x) {
  return text<16>([x](auto& to) { append_parameter(to, x); });
}

/// How often `what` stands in `s`.
int times(std::string const& s, std::string_view what) {
  int n = 0;
  for (auto at = s.find(what); at != std::string::npos; at = s.find(what, at + what.size())) ++n;
  return n;
}

/// The lines of `s` that begin, after blanks, with `begin`.
std::string lines_of(std::string const& s, std::string_view begin) {
  std::string r;
  for (std::size_t at = 0, end; at < s.size(); at = end + 1) {
    end = std::min(s.find('\n', at), s.size());
    auto const first = s.find_first_not_of(' ', at);
    if (s.compare(first, begin.size(), begin) == 0) r += s.substr(first, end - first) + "\n";
  }
  return r;
}

struct angle {
  static constexpr char name[] = "a<b&\"c\"";
  static constexpr float apply(float x) { return x; }
};
struct angles : of_rows {
  static constexpr auto forward(auto x) { return map<angle>(x); }
};

}  // namespace

TEST_CASE("numbers are rounded to three digits and a unit") {
  static_assert(rounded(0).view() == "0 " && rounded(7.4).view() == "7 " && rounded(576).view() == "576 ");
  static_assert(rounded(999.4).view() == "999 " && rounded(999.6).view() == "1.00 k" &&
                rounded(16384).view() == "16.4 k");
  static_assert(rounded(100687876).view() == "101 M" && rounded(9.999e6).view() == "10.0 M" &&
                rounded(1.05e9).view() == "1.05 G");
  static_assert(parameter(10000).view() == "10000" && parameter(1e-5).view() == "1e-5" &&
                parameter(1.5e-6).view() == "1.5e-6");
  static_assert(text<8>([](auto& to) { append_integer(to, -120); }).view() == "-120");
  static_assert(text<5>([](auto& to) { to += "too long"; }).view() == "too ", "the rest is dropped, the zero is kept");
}

TEST_CASE("tables are made while compiling") {
  constexpr auto recorded = text<1024>([](auto& to) {
    graph_printer<fixed_text<1024>>{to, graph_stage::recorded, graph_format::table, dtype::f16}.print("t",
                                                                                                      planned<turns>);
  });
  static_assert(recorded.view() ==
                "t: 4 nodes\n"
                "  node  what              operands              shape             format, details\n"
                "  %0    input                                   [token, 8]\n"
                "  %1    wq                                      [8, 8]            f32\n"
                "  %2    matmul            %0 %1                 [token, 8]\n"
                "  %3    rope              %2                    [token, 8]        heads of 4, theta 10\n\n");
}

TEST_CASE("formulas are written with what is in memory") {
  std::string const s = printed(layer, graph_stage::fused, graph_format::table);
  CHECK_THAT(s, ContainsSubstring("block, twice: 5 kernels\n"));
  CHECK(lines_of(s, "prologue") ==
        "prologue     h = x * rstd(sum(x * x)) * attention_norm\nprologue     h = b * rstd(sum(b * b)) * ffn_norm\n");
  CHECK(lines_of(s, "contraction") ==
        "contraction  wq h, wk h, v = wv h\ncontraction  wo a\ncontraction  w1 h, w3 h\ncontraction  w2 c\n");
  CHECK(lines_of(s, "epilogue") ==
        "epilogue     q = rope(wq h)\nepilogue     k = rope(wk h)\nepilogue     b = x + wo a\n"
        "epilogue     c = silu(w1 h) * (w3 h)\nepilogue     y = b + w2 c\n");
  CHECK_THAT(s, ContainsSubstring("computes     a = attention(q, k, v)"));
  CHECK_THAT(s,
             ContainsSubstring(
                 "stores       q [token, 4096], k [token, 4096] in the key cache, v [token, 4096] in the value cache"));
  CHECK_THAT(lines_of(s, "cria/w1+w3"),
             ContainsSubstring("181 M") && ContainsSubstring("50.7 MB") && ContainsSubstring("60.4 kB a row"));
  CHECK_THAT(lines_of(s, "for each position"), ContainsSubstring("16.4 k"));
}

TEST_CASE("formulas bind as they are computed") {
  std::string const s = printed(plan_of<gradient_of<gates, policy::exact<>>>, graph_stage::fused, graph_format::table);
  CHECK_THAT(s, ContainsSubstring("silu'("));
  CHECK_THAT(s, ContainsSubstring("^T"));
  CHECK_THAT(printed(planned<squares>, graph_stage::fused, graph_format::table), ContainsSubstring("y = x * x + x"));
  CHECK_THAT(printed(planned<cubes>, graph_stage::fused, graph_format::table),
             ContainsSubstring("y = cube(x) + cube(wo x)"));
}

TEST_CASE("placed values have a place, a size and a life") {
  std::string const s = printed(layer, graph_stage::placed, graph_format::table);
  CHECK_THAT(s, ContainsSubstring("block, twice: workspace of 15104 floats a row\n"));
  CHECK(lines_of(s, "k ") == "k                 [token, 4096]     key cache 0       8.19 kB a position  0 to 1\n");
  CHECK(lines_of(s, "c ") == "c                 [token, 11008]    workspace 4096    44.0 kB a row       3 to 4\n");
  CHECK(lines_of(s, "w1 ") == "w1                [11008, 4096]     weight 6          25.4 MB             to 3\n");
  CHECK(lines_of(s, "y ") == "y                 [token, 4096]     output 0          16.4 kB a row       4\n");
}

TEST_CASE("values that are many are numbered as the nodes are") {
  std::string const s =
      printed(plan_of<gradient_of<tiny_layer, policy::exact<>>>, graph_stage::fused, graph_format::table);
  CHECK_THAT(s, ContainsSubstring("stores       %"));
  CHECK_THAT(s, !ContainsSubstring("stores       a "));
}

TEST_CASE("a backward is written with what was kept, its contractions as sums") {
  using training = training_of<tiny_layer, policy::exact<>>;
  std::string const s = printed(plan_of<training_backward<training>>, graph_stage::fused, graph_format::table);
  CHECK_THAT(lines_of(s, "contraction"),
             ContainsSubstring(" = wv^T ") && ContainsSubstring(" + wk^T ") && ContainsSubstring(" + wq^T "));
  CHECK_THAT(lines_of(s, "prologue"), ContainsSubstring("g = silu(kept 7) * kept 8"));
  CHECK(times(s, " attention_back ") == 1);
  CHECK(times(lines_of(s, "computes"), "attention_back(kept 1, kept 2, kept 3, ") == 3);
}

TEST_CASE("dot is one digraph, its arrows between boxes that are there") {
  auto const stage = GENERATE(graph_stage::recorded, graph_stage::fused, graph_stage::placed);
  std::string s;
  graph_printer<std::string> to{s, stage, graph_format::dot, dtype::f16};
  to.begin();
  to.print("embedding", planned<embedding_stage<llama2::config_7b>>), to.print("block, 32 times", layer);
  to.connect("embedding", planned<embedding_stage<llama2::config_7b>>, "block, 32 times");
  to.end();
  CHECK(s.starts_with("digraph cria {\n"));
  CHECK(s.ends_with("}\n"));
  CHECK(times(s, "{") == times(s, "}"));
  CHECK(times(s, "\"") % 2 == 0);
  CHECK(times(s, "subgraph cluster_") == 2);
  std::set<std::string> boxes;
  int arrows = 0;
  for (std::size_t at = 0, end; at < s.size(); at = end + 1) {
    end = s.find('\n', at);
    std::string const line = s.substr(at, end - at);
    auto const first = line.find_first_not_of(' ');
    std::string const id = line.substr(first, line.find(' ', first) - first);
    if (line.find(" -> ") == std::string::npos && line.find(" [") != std::string::npos) CHECK(boxes.insert(id).second);
  }
  for (auto at = s.find(" -> "); at != std::string::npos; at = s.find(" -> ", at + 1), ++arrows) {
    auto const begin = s.find_last_of(' ', at - 1) + 1, end = s.find_first_of(" ;", at + 4);
    CHECK(boxes.contains(s.substr(begin, at - begin)));
    CHECK(boxes.contains(s.substr(at + 4, end - at - 4)));
  }
  CHECK(arrows >= 12);
}

TEST_CASE("a picture of a layer is made while compiling") {
  constexpr auto dot = text<8192>([](auto& to) {
    graph_printer<fixed_text<8192>> printer{to, graph_stage::fused, graph_format::dot, dtype::f16};
    printer.begin(), printer.print("layer", layer), printer.end();
  });
  CHECK(dot.view() == printed(layer, graph_stage::fused, graph_format::dot, "layer"));
  CHECK_THAT(std::string(dot.view()),
             ContainsSubstring("layerk3 -> layerk4 [label=<&#160;c 11008&#160;>]") && ContainsSubstring("key cache"));
}

TEST_CASE("a name from outside doesn't break a picture") {
  CHECK_THAT(printed(planned<angles>, graph_stage::fused, graph_format::dot),
             ContainsSubstring("y = a&lt;b&amp;&quot;c&quot;(x)"));
  CHECK_THAT(printed(planned<angles>, graph_stage::fused, graph_format::mermaid),
             ContainsSubstring("y = a#lt;b#amp;#quot;c#quot;(x)"));
}

TEST_CASE("Mermaid is one flowchart") {
  std::string const s = printed(layer, graph_stage::fused, graph_format::mermaid);
  CHECK(s.starts_with("flowchart TB\n"));
  CHECK(times(s, "subgraph ") == 1);
  CHECK(times(s, "  end\n") == 1);
  CHECK_THAT(s,
             ContainsSubstring("blockk0 -->|\"q 4096\"| blockk1\n") && ContainsSubstring("[(\"key cache\")]:::cache"));
}
