#pragma once
// value<N>: the value of a node at a row and column, loaded or computed from its operands. Every decision is the compiler's.
#include "cria/graph/program.hpp"
#include "cria/kernel/context.hpp"
#include "cria/kernel/segment.hpp"
#include "cria/kernel/math.hpp"
#include "cria/kernel/page.hpp"

namespace cria::kernel {

/// Row sums that group q recomputes for node i.
constexpr void collect_row_sums(plan const& p, int q, int i, node_list& l) {
  for (short j : p.g.nodes[i].in) {
    if (j < 0 || is_leaf(p.g.nodes[j]) || (p.home[j] >= 0 && p.home[j] != q)) continue;
    collect_row_sums(p, q, j, l);
    if (p.g.nodes[j].kind == op::row_sum && p.home[j] < 0) l.add(j);
  }
}
constexpr node_list row_sums_of(plan const& p, int q) {
  node_list l{};
  for (int k = 0; k < p.groups[q].count; ++k) collect_row_sums(p, q, p.groups[q].nodes[k], l);
  return l;
}

/// The attention that reads a cached node; its heads say how the cache is laid out.
constexpr int reader_of_cache(graph const& g, int i) {
  for (int u = i + 1; u < g.count; ++u)
    if (g.nodes[u].kind == op::attention && (g.nodes[u].in[1] == i || g.nodes[u].in[2] == i)) return u;
  return -1;
}

/// What a kernel has at hand while it evaluates: row sums of its rows, and finished sums of its tile.
struct scope {
  float const* row_sums = nullptr;  // [row sum, of heads each][rows]
  int rows = 1;
  float const* tile = nullptr;      // [contraction][row][lane]
  int tile_rows = 1, lanes = 1;     // rows and lanes of a tile
  int row0 = 0, tile_row0 = 0, col0 = 0;
};

/// Values of program P as kernel G sees them.
template <class P, int G> struct evaluate {
  context_of<P> c;

  static constexpr node at(int i) { return plan_of<P>.g.nodes[i]; }
  static constexpr node_list row_sums() { return row_sums_of(plan_of<P>, G); }
  /// Numbers of a row in front of the k-th row sum: one of each, or one for each head.
  static constexpr int sums_before(int k) {
    int n = 0;
    for (int i = 0; i < k; ++i) n += at(row_sums().at[i]).cols;
    return n;
  }
  static constexpr int sum_count = sums_before(row_sums_of(plan_of<P>, G).count);

  /// Which output a node is, or -1; and whether it is added to what is there.
  static constexpr int output_of(int i) { return plan_of<P>.where[i].at == region::output ? plan_of<P>.where[i].index : -1; }
  static constexpr bool adds(int i) { return accumulates(plan_of<P>.g, output_of(i)); }

  /// The first element of layer `c.layer` of a stored node.
  template <int N> KOKKOS_FORCEINLINE_FUNCTION float* address() const {
    constexpr spot s = plan_of<P>.where[N];
    constexpr node n = at(N);
    if constexpr (s.at == region::input) return const_cast<float*>(c.in[s.index]);
    else if constexpr (s.at == region::output) {
      if constexpr (n.rows == per_token) return c.out[s.index];
      else return c.out[s.index] + std::size_t(c.layer) * packed_bytes(dtype::f32, n.rows, n.cols) / sizeof(float);
    } else if constexpr (s.at == region::fixed) return c.fixed + s.index;
    else {
      static_assert(s.at == region::work);
      return c.work + std::size_t(s.index) * std::size_t(c.rows);
    }
  }

  /// Calls f(bytes, format<...>) with the packed bytes of a weight in layer `c.layer`.
  template <int N, class F> KOKKOS_FORCEINLINE_FUNCTION void with_weight(F const& f) const {
    constexpr node n = at(N);
    std::byte const* const all = c.weight.at[plan_of<P>.where[N].index];
    if constexpr (!n.type.mixed()) {
      constexpr dtype only = n.type.only();
      constexpr std::size_t bytes = packed_bytes(only, n.rows, n.cols);
      f(all + std::size_t(c.layer) * bytes, format<only>{});
    } else {
      layer_place const place = reinterpret_cast<layer_place const*>(all)[c.layer];
      detail::each_constant<n.type.count>([&](auto i) {
        if (place.format == i()) f(all + place.offset, format<n.type.type[std::size_t(i())]>{});
      });
    }
  }

  /// Whether node i is an array of the caller's with strides of its own; an element of it.
  static constexpr bool is_strided(int i) {
    region const r = plan_of<P>.where[i].at;
    return in_place<P> && (r == region::input || r == region::weight || r == region::output);
  }
  template <int N> KOKKOS_FORCEINLINE_FUNCTION strides const& strides_of() const {
    constexpr spot s = plan_of<P>.where[N];
    if constexpr (s.at == region::weight) return c.weights[s.index];
    else if constexpr (s.at == region::input) return c.input;
    else return c.output;
  }
  /// The first element of a weight that is such an array.
  template <int N> KOKKOS_FORCEINLINE_FUNCTION float const* array() const {
    return reinterpret_cast<float const*>(c.weight.at[plan_of<P>.where[N].index]);
  }
  template <int N> KOKKOS_FORCEINLINE_FUNCTION float& element_of(int row, int col) const {
    strides const& s = strides_of<N>();
    float* first;
    if constexpr (at(N).kind == op::weight) first = const_cast<float*>(array<N>());
    else first = address<N>();
    return first[std::ptrdiff_t(row) * s.row + std::ptrdiff_t(col) * s.col];
  }

  /// The page of one kv head that holds a position of a sequence: keys [4, size, 16], values [64, size].
  template <int N> KOKKOS_FORCEINLINE_FUNCTION std::byte* page(int sequence, int head, int position) const {
    constexpr spot s = plan_of<P>.where[N];
    constexpr node reader = at(reader_of_cache(plan_of<P>.g, N));
    constexpr std::size_t bytes = page_bytes(P::policy::cache::id, reader.size);
    int const page = c.page[sequence * c.pages_of_sequence + position / page_positions];
    std::size_t const before =
        (std::size_t(c.layer) * std::size_t(c.pages) + std::size_t(page)) * reader.kv_count + std::size_t(head);
    return (s.at == region::key_cache ? c.keys[s.index] : c.values[s.index]) + before * bytes;
  }

  /// Stores a node's value.
  template <int N> KOKKOS_FORCEINLINE_FUNCTION void store(int row, int col, float x) const {
    constexpr spot s = plan_of<P>.where[N];
    if constexpr (s.at == region::key_cache || s.at == region::value_cache) {
      constexpr int size = at(reader_of_cache(plan_of<P>.g, N)).size;
      std::byte* const to = page<N>(c.sequence[row], col / size, c.position[row]);
      store_floats<P::policy::cache::id, size, s.at == region::key_cache>(to, c.position[row] % page_positions, col % size, {x});
    } else if constexpr (is_strided(N)) {
      element_of<N>(row, col) = x;
    } else {
      float& to = address<N>()[place<N>(row, col)];
      to = adds(N) ? to + x : x;
    }
  }

  /// Where an element of a stored node is. A matrix's gradient lies as the matrix does, in tiles of its rows; a kernel of weight
  /// gradients gives its elements turned, as (input, output).
  template <int N> KOKKOS_FORCEINLINE_FUNCTION static std::size_t place(int row, int col) {
    constexpr node n = at(N);
    if constexpr (adds(N) && n.rows > 1) {
      int const out = n.kind == op::matmul_dw ? col : row, in = n.kind == op::matmul_dw ? row : col;
      return (std::size_t(out / tile_rows) * std::size_t(n.cols) + std::size_t(in)) * tile_rows + std::size_t(out % tile_rows);
    } else {
      return std::size_t(row) * std::size_t(n.cols) + std::size_t(col);
    }
  }

  /// Stores columns col .. col + L - 1 of a row.
  template <int N, int L> KOKKOS_FORCEINLINE_FUNCTION void store_lanes(int row, int col, float const (&x)[L]) const {
    constexpr spot s = plan_of<P>.where[N];
    if constexpr (s.at == region::key_cache || s.at == region::value_cache) {
      constexpr int size = at(reader_of_cache(plan_of<P>.g, N)).size;
      constexpr bool keys = s.at == region::key_cache;
      constexpr dtype T = P::policy::cache::id;
      static_assert(!facts(T).quantised() || size % 32 == 0, "a cache in blocks needs heads whose size is a multiple of 32");
      static_assert(!facts(T).quantised() || L == 32,
                    "a cache in blocks is for hosts: the threads of a device have too few columns at once");
      if constexpr (size % L == 0 && L == 32) {
        int const position = c.position[row] % page_positions;
        std::byte* const to = page<N>(c.sequence[row], col / size, c.position[row]);
        if constexpr (facts(T).quantised()) store_block<size, keys>(to, position, col % size, x);
        else store_floats<T, size, keys>(to, position, col % size, x);
        return;
      }
    }
    if constexpr (adds(N) && L % tile_rows == 0) {  // col is a multiple of 32: whole tiles
      for (int t = 0; t < L; t += tile_rows) {
        float* const to = address<N>() + place<N>(row, col + t);
        for (int l = 0; l < tile_rows; ++l) to[l] += x[t + l];
      }
    } else {
      for (int l = 0; l < L; ++l) store<N>(row, col + l, x[l]);
    }
  }

  /// Loads a stored node's value; one row or one column is repeated.
  template <int N> KOKKOS_FORCEINLINE_FUNCTION float load(int row, int col) const {
    constexpr node n = at(N);
    if constexpr (is_strided(N)) {
      return element_of<N>(n.rows == 1 ? 0 : row, col);
    } else if constexpr (n.kind == op::weight) {
      static_assert(n.rows == 1, "a matrix is read by contractions and embeddings only");
      return reinterpret_cast<float const*>(
          c.weight.at[plan_of<P>.where[N].index])[std::size_t(c.layer) * n.cols + std::size_t(col)];
    } else {
      constexpr bool one_row = n.rows == 1, one_col = n.cols == 1;
      return address<N>()[(one_row ? 0 : std::size_t(row) * std::size_t(n.cols)) + (one_col ? 0 : std::size_t(col))];
    }
  }

  template <int N> KOKKOS_FORCEINLINE_FUNCTION float value(scope const& e, int row, int col) const {
    constexpr node n = at(N);
    constexpr int home = plan_of<P>.home[N];
    if constexpr (is_leaf(n) || (home >= 0 && home != G)) return load<N>(row, col);
    else if constexpr (is_contraction(n.kind)) {
      constexpr int i = segments_of(plan_of<P>, G).holding(N).contractions.find(N);
      return e.tile[(i * e.tile_rows + row - e.tile_row0) * e.lanes + col - e.col0];
    } else if constexpr (n.kind == op::row_sum) {
      constexpr int i = sums_before(row_sums().find(N));
      return e.row_sums[(n.size > 0 ? i + col : i) * e.rows + row - e.row0];
    } else if constexpr (n.kind == op::embedding) {
      constexpr int cols = at(n.in[0]).cols;
      int const chosen = (n.part == chosen_by::position ? c.position : c.token)[row];
      if constexpr (in_place<P>) {
        return element_of<n.in[0]>(chosen, col);
      } else {
        float x = 0;
        with_weight<n.in[0]>([&](std::byte const* packed, auto f) { x = element<decltype(f)::id>(packed, chosen, col, cols); });
        return x;
      }
    } else if constexpr (n.kind == op::rope) {
      int const odd = (e.lanes > 1 ? col - e.col0 : col) & 1;  // tiles begin at even columns: within one this is a constant
      float const x = value<n.in[0]>(e, row, col - odd), y = value<n.in[0]>(e, row, col - odd + 1);
      constexpr int size = n.size;
      // Within a tile the column counts from the tile's own, so that a loop over it has a plain step.
      int const d = size % 32 == 0 && e.lanes > 1 ? e.col0 % size + (col - e.col0) : col % size;
      float const* const turn = c.rotary[n.turn] + std::size_t(c.position[row]) * size + std::size_t(d - odd);
      float const cosine = turn[0], sine = n.part < 0 ? -turn[1] : turn[1];
      // fma in so many words: where both lines become one vector, g++ 12 fuses them whatever -ffp-contract says.
      return odd != 0 ? Kokkos::fma(x, sine, y * cosine) : Kokkos::fma(x, cosine, -(y * sine));
    } else if constexpr (n.kind == op::pick) {
      return value<n.in[0]>(e, row, c.target[row]);
    } else if constexpr (n.kind == op::pick_back) {
      float const d = value<n.in[0]>(e, row, 0);
      return col == c.target[row] ? d : 0.0f;
    } else {
      static_assert(n.kind == op::map);
      return apply<N>(e, row, col);
    }
  }

 private:
  /// The column of a map's operand. Within a tile that lies in one head the head is the tile's, so that a loop over it
  /// has a plain step.
  template <int N> KOKKOS_FORCEINLINE_FUNCTION static int column_before([[maybe_unused]] scope const& e, int col) {
    constexpr node n = at(N);
    if constexpr (n.f != fn::along_head && n.f != fn::in_each_head) return col;
    else {
      bool const in_one = n.size % 32 == 0 && e.lanes > 1;
      if constexpr (n.f == fn::along_head) return (in_one ? e.col0 : col) / n.size;
      else return in_one ? e.col0 % n.size + (col - e.col0) : col % n.size;
    }
  }

  template <int N> KOKKOS_FORCEINLINE_FUNCTION float apply(scope const& e, int row, int col) const {
    constexpr node n = at(N);
    float const a = value<n.in[0]>(e, row, column_before<N>(e, col));
    if constexpr (n.f == fn::copy || n.f == fn::along_head || n.f == fn::in_each_head) return a;
    else if constexpr (n.f == fn::negative) return -a;
    else if constexpr (n.f == fn::add) return a + value<n.in[1]>(e, row, col);
    else if constexpr (n.f == fn::subtract) return a - value<n.in[1]>(e, row, col);
    else if constexpr (n.f == fn::softmax) return exp(a - value<n.in[1]>(e, row, col));
    else if constexpr (n.f == fn::mul) return a * value<n.in[1]>(e, row, col);
    else if constexpr (n.f == fn::scale) return a * float(n.scalar);
    else if constexpr (n.f == fn::gelu_tanh) return gelu_tanh(a);
    else if constexpr (n.f == fn::gelu_tanh_slope) return gelu_tanh_slope(a);
    else if constexpr (n.f == fn::silu) return silu(a);
    else if constexpr (n.f == fn::silu_slope) return silu_slope(a);
    else if constexpr (n.f == fn::rstd) return 1 / Kokkos::sqrt(a / float(n.size) + float(n.scalar));
    else if constexpr (n.f == fn::rstd_slope) return -0.5f * a * a * a / float(n.size);
    else {
      using functor = functor_at<n.functor, typename P::functors>;
      if constexpr (n.part < 0) return functor::apply(a);
      else return functor::template derivative<n.part>(a);
    }
  }
};

}  // namespace cria::kernel
