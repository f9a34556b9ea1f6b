// A first block: the attention part of a layer. What the compiler makes of it, and that it looks back only.
#include <cstdio>
#include <string>

#include "cria/expr.hpp"
#include "cria/graph/print.hpp"
#include "cria/run/evaluate.hpp"

using namespace cria;

struct embed { static constexpr char name[] = "embed"; };
struct query { static constexpr char name[] = "query"; };
struct key_value { static constexpr char name[] = "key_value"; };
using E = axis<embed, 24>;
using Q = heads<query, 6, 4>;       // 6 heads of 4 values
using KV = heads<key_value, 2, 4>;  // keys and values have 2: three query heads share one

struct norm { static constexpr char name[] = "norm"; };
struct wq { static constexpr char name[] = "wq"; };
struct wk { static constexpr char name[] = "wk"; };
struct wv { static constexpr char name[] = "wv"; };
struct wo { static constexpr char name[] = "wo"; };

struct attention_part {
  using input = shape<tokens, E>;
  static constexpr auto forward(auto x) {
    auto h = rms_norm(x, weight<norm, E>);
    auto q = rope(matmul(h, weight<wq, Q, E>), 1e4);
    auto k = rope(matmul(h, weight<wk, KV, E>), 1e4);
    auto v = matmul(h, weight<wv, KV, E>);
    return x + matmul(attention(q, k, v), weight<wo, E, Q>);
  }
};
using program = in_place_of<attention_part>;
static_assert(plan_of<program>.count == 3);  // q, k and v; attention; wo and the sum

void print_kernels() {
  std::string text;
  graph_printer<std::string> to{text, graph_stage::fused, graph_format::table, dtype::f32};
  to.begin(), to.print("attention_part", plan_of<program>), to.end();
  std::printf("%s", text.c_str());
}

using array = Kokkos::View<float**>;

/// Another array for every seed, values in [-1/2, 1/2).
array made_up(int rows, int columns, int seed) {
  array const a("a", std::size_t(rows), std::size_t(columns));
  Kokkos::parallel_for(
      "made_up", std::size_t(rows * columns),
      KOKKOS_LAMBDA(int i) { a(i / columns, i % columns) = float((i * (2 * seed + 37) + 11 * seed) % 64 - 32) / 64; });
  return a;
}

int main() {
  Kokkos::ScopeGuard const kokkos(Kokkos::InitializationSettings().set_disable_warnings(true));
  print_kernels();

  int const rows = 5;
  Kokkos::View<float*> const ones("ones", 24);
  Kokkos::deep_copy(ones, 1.0f);
  array const q = made_up(24, 24, 1), k = made_up(8, 24, 2), v = made_up(8, 24, 3), o = made_up(24, 24, 4);
  array const x = made_up(rows, 24, 5), before("before", rows, 24), after("after", rows, 24);
  evaluator<attention_part> run(Kokkos::DefaultExecutionSpace(), rows);  // allocates once
  auto const evaluate_into = [&](array const& y) {
    run(bound<tokens, E>(x), bound<norm, E>(ones), bound<wq, Q, E>(q), bound<wk, KV, E>(k), bound<wv, KV, E>(v),
        bound<wo, E, Q>(o), bound<tokens, E>(y));
  };
  evaluate_into(before);
  Kokkos::deep_copy(Kokkos::subview(x, 3, Kokkos::ALL), 0.25f);  // another token at position 3
  evaluate_into(after);

  auto const a = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), before);
  auto const b = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), after);
  for (int row = 0; row < rows; ++row) {
    bool same = true;
    for (int column = 0; column < 24; ++column) same = same && a(row, column) == b(row, column);
    std::printf("position %d: %s\n", row, same ? "the same bits" : "another value");
  }
}
