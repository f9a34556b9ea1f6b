#pragma once
// A block that is attention and what it needs: queries and keys rotated, or as they are.
#include "cria/expr.hpp"

namespace cria::test {

struct in {};
struct queries {};
struct keys {};
struct wq { static constexpr char name[] = "wq"; };
struct wk { static constexpr char name[] = "wk"; };
struct wv { static constexpr char name[] = "wv"; };

/// Not rotated, queries, keys and values of few bits are exact, and only the cache rounds them.
template <int Heads, int KvHeads, int Size, bool Rotated> struct attend {
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
    return attention(q, k, matmul(x, weight<wv, KV, E>));
  }
};

}  // namespace cria::test
