#pragma once
// A block that is attention and what it needs: queries and keys rotated, or as they are; and its rows in one step and in many.
#include "cria/expr.hpp"
#include "kernel/runner.hpp"

namespace cria::test {

struct in {};
struct queries {};
struct keys {};
struct wq { static constexpr char name[] = "wq"; };
struct wk { static constexpr char name[] = "wk"; };
struct wv { static constexpr char name[] = "wv"; };

/// Not rotated, queries, keys and values of few bits are exact, and only the cache rounds them.
template <int Heads, int KvHeads, int Size, bool Rotated, int Window = 0> struct attend {
  using E = axis<in, 5>;
  using Q = heads<queries, Heads, Size>;
  using KV = heads<keys, KvHeads, Size>;
  using input = shape<tokens, E>;
  static constexpr auto turned(auto x) {
    if constexpr (Rotated) return rope(x, 100.0);
    else return x;
  }
  static constexpr auto forward(auto x) {
    auto q = turned(matmul(x, weight<wq, Q, E>));
    auto k = turned(matmul(x, weight<wk, KV, E>));
    return cria::attention(q, k, matmul(x, weight<wv, KV, E>), Window);
  }
};

/// Rows [begin, end) of a step.
inline step part_of(step const& s, int begin, int end) {
  auto const cut = [&](std::vector<int> const& v) { return std::vector(v.begin() + begin, v.begin() + end); };
  return {cut(s.token), cut(s.sequence), cut(s.position)};
}
inline matrix part_of(matrix const& m, int begin, int end) {
  matrix r(end - begin, m.cols);
  std::copy(m.at.begin() + begin * m.cols, m.at.begin() + end * m.cols, r.at.begin());
  return r;
}

/// Three sequences in turns, in one step and in several: right, and the same bits.
template <class P> void check_cuts(double tolerance) {
  auto const all = in_turns({67, 34, 1});
  auto const x = runner<P>::inputs(all);
  runner<P> whole(all.rows(), 3, 80), pieces(all.rows(), 3, 100, 1);
  auto const found = whole.run(all, x)[0];
  CHECK(relative_difference(found, whole.expected(all, x)[0]) < tolerance);
  std::size_t const width = found.size() / std::size_t(all.rows());
  int const sizes[]{1, 40, 1, 1, 33};
  for (int begin = 0, turn = 0; begin < all.rows(); ++turn) {
    int const end = std::min(all.rows(), begin + sizes[turn % 5]);
    auto const part = pieces.run(part_of(all, begin, end), {part_of(x[0], begin, end)})[0];
    INFO("rows " << begin << " to " << end);
    CHECK(std::memcmp(part.data(), found.data() + std::size_t(begin) * width, part.size() * sizeof(float)) == 0);
    begin = end;
  }
}

}  // namespace cria::test
