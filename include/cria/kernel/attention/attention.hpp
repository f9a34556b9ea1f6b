#pragma once
// Causal attention with a running softmax (Milakov and Gimelshein 2018; Dao et al. 2022): [token, token] never exists.
// Positions are taken page by page. A page is summed on its own, and pages are merged in order, whatever the row and
// whoever sums: a prompt, single tokens and any number of threads give the same bits.
#include "cria/kernel/evaluate.hpp"
#include "cria/kernel/team.hpp"

namespace cria::kernel {

template <class P, int G> struct attention_kernel : evaluate<P, G> {
  using base = evaluate<P, G>;
  using base::at, base::c;
  static constexpr int self = plan_of<P>.groups[G].nodes[0];
  static constexpr node n = at(self);
  static constexpr dtype stored = P::policy::cache::id;
  static constexpr bool windowed = n.window > 0;
  static constexpr bool keeps_order = false;  // later rows have more to do: workers take them in turns
  enum : int {
    size = n.size, group_heads = n.count / n.kv_count, kv_heads = n.kv_count,
    together = 4,                // queries that share the loads of keys and values
    rest = group_heads % together,
    padded = (size + 15) / 16 * 16,
    record = padded + 16         // sums; then the largest score and the total, on a line of their own
  };

  int block_rows = 1;  // rows of a piece
  bool split = false;  // a piece is one page of one row: there are too few rows for all workers
  int row_pages = 1;   // of the row that has most
  void divide(int threads, bool host) {
    row_pages = (c.reach + page_positions - 1) / page_positions;
    if (windowed) row_pages = Kokkos::min(row_pages, (n.window + page_positions - 2) / page_positions + 1);
    split = host && c.rows * kv_heads < 2 * threads && row_pages > 1;
    block_rows = host && !split ? Kokkos::max(1, Kokkos::min(16, c.rows * kv_heads / (4 * threads))) : 1;
  }
  int phases() const { return split ? 2 : 1; }
  int pieces(int phase) const {
    int const all = (c.rows + block_rows - 1) / block_rows * kv_heads;
    return split && phase == 0 ? all * row_pages : all;
  }
  /// Sums of all queries; the queries, filled up with the last one; sums of a page and its weights.
  KOKKOS_INLINE_FUNCTION std::size_t scratch_floats() const {
    int const queries = block_rows * group_heads;
    return std::size_t(whole(queries) * padded + queries * record + together * (record + page_positions));
  }
  /// What the pages of split rows leave for each other.
  std::size_t shared_floats() const { return split ? std::size_t(c.rows * n.count) * std::size_t(row_pages) * record : 0; }

  template <class Team> KOKKOS_INLINE_FUNCTION void work(Team const& t, int phase, int piece, float* scratch) const {
    int const kv = piece % kv_heads, block = piece / kv_heads, all_blocks = (c.rows + block_rows - 1) / block_rows;
    bool const one_page = split && phase == 0;
    int const begin = block % all_blocks * block_rows, end = Kokkos::min(begin + block_rows, c.rows);
    for (int row = begin, next; row < end; row = next) {
      for (next = row + 1; next < end && c.sequence[next] == c.sequence[row];) ++next;
      int const queries = (next - row) * group_heads;
      int first = first_page(row), last = 0;
      for (int r = row; r < next; ++r)
        first = Kokkos::min(first, first_page(r)), last = Kokkos::max(last, c.position[r] / page_positions);
      if (one_page) {
        first += block / all_blocks;
        if (first > last) return;
        last = first;
      }
      float *const q = scratch + block_rows * group_heads * record, *const sums = one_page ? record_of(row, kv, first) : scratch;
      clear(t, sums, queries);
      if (split && phase == 1) {
        for (int page = first; page <= last; ++page)
          for (int i = 0; i < queries; ++i)
            detail::merge_sums(t, sums + i * record, record_of(row, kv, page) + i * record, int(size), int(padded));
        t.barrier();
      } else {
        load_queries(t, row, queries, kv, q);
        sum_pages(t, row, queries, kv, first, last, q, sums);
      }
      if (!one_page) store_sums(t, row, queries, kv, sums);
    }
  }

 private:
  static constexpr int whole(int queries) { return (queries + together - 1) / together * together; }

  /// Adds pages [first, last] of rows of one sequence, one after another. Behind the queries there is room for a page's own sums.
  template <class Team>
  KOKKOS_INLINE_FUNCTION void sum_pages(Team const& t, int row, int queries, int kv, int first_of_pages, int last,
                                        float* q, float* sums) const {
    float *const own = q + whole(block_rows * group_heads) * padded, *const weights = own + together * record;
    for (int page = first_of_pages; page <= last; ++page) {
      auto const [keys, values] = page_at(row, kv, page);
      for (int first = 0; first < queries; first += together) {
        int const some = Kokkos::min(int(together), queries - first);
        soon next;
        if (first == 0 && queries <= Kokkos::max(int(together), int(group_heads)))
          next = {values, page < last ? page_at(row, kv, page + 1).keys : nullptr};
        seen_positions seen;
        int most = 0;
        for (int i = 0; i < together; ++i) {
          see(row + (first + Kokkos::min(i, some - 1)) / group_heads, page, i, seen);
          most = Kokkos::max(most, seen.end[i]);
        }
        if (most == 0) continue;
        sum_queries(t, keys, values, next, q + first * padded, some, seen, weights, own);
        for (int i = 0; i < some; ++i)
          if (seen.end[i] > 0) detail::merge_sums(t, sums + (first + i) * record, own + i * record, int(size), int(padded));
        t.barrier();
      }
    }
  }
  KOKKOS_INLINE_FUNCTION float* record_of(int row, int kv, int page) const {
    return c.shared + std::size_t((row * kv_heads + kv) * row_pages + page - first_page(row)) * (group_heads * record);
  }

  /// What some queries see of a page: positions [begin, end), begin 0 without a window; nothing where end is 0.
  struct seen_positions {
    int begin[together] = {}, end[together] = {};
  };
  KOKKOS_INLINE_FUNCTION void see(int row, int page, int i, seen_positions& seen) const {
    int const up_to = c.position[row] + 1 - page * page_positions;
    seen.end[i] = Kokkos::max(0, Kokkos::min(int(page_positions), up_to));
    if constexpr (windowed) {
      seen.begin[i] = Kokkos::max(0, up_to - n.window);
      if (seen.begin[i] >= seen.end[i]) seen.begin[i] = seen.end[i] = 0;
    }
  }
  /// The first page of which a row sees anything.
  KOKKOS_INLINE_FUNCTION int first_page(int row) const {
    return windowed ? Kokkos::max(0, c.position[row] + 1 - n.window) / page_positions : 0;
  }

  template <class Team> KOKKOS_INLINE_FUNCTION void load_queries(Team const& t, int row, int queries, int kv, float* q) const {
    for (int i = 0; i < whole(queries); ++i) {
      int const own = Kokkos::min(i, queries - 1);
      int const from = row + own / group_heads, col = (kv * group_heads + own % group_heads) * size;
      t.each(size, [&](int d) { q[i * padded + d] = base::template load<n.in[0]>(from, col + d); });
    }
    t.barrier();
  }
  template <class Team> KOKKOS_INLINE_FUNCTION void clear(Team const& t, float* sums, int queries) const {
    t.each(queries * record, [&](int i) { sums[i] = i % record == padded ? -3.0e38f : 0; });
    t.barrier();
  }
  template <class Team>
  KOKKOS_INLINE_FUNCTION void store_sums(Team const& t, int row, int queries, int kv, float const* sums) const {
    for (int i = 0; i < queries; ++i) {
      float const* const own = sums + i * record;
      int const to = row + i / group_heads, col = (kv * group_heads + i % group_heads) * size;
      t.each(size, [&](int d) { base::template store<self>(to, col + d, own[d] / own[padded + 1]); });
    }
    t.barrier();
  }

  struct key_value {
    std::byte const *keys, *values;
  };
  /// What to ask memory for: this page's values while its keys are read, the next page's keys while its values are.
  struct soon {
    std::byte const *values = nullptr, *keys = nullptr;
  };
  KOKKOS_INLINE_FUNCTION key_value page_at(int row, int kv, int page) const {
    int const begin = page * page_positions;
    return {base::template page<n.in[1]>(c.sequence[row], kv, begin), base::template page<n.in[2]>(c.sequence[row], kv, begin)};
  }

  /// Some queries over what they see of one page, into records; where that is nothing the record is meaningless. Compiled
  /// for `together` and for what a row has beyond whole groups of so many: more queries than asked for are summed where a
  /// prompt leaves another number, and forgotten.
  template <class Team>
  KOKKOS_INLINE_FUNCTION void sum_queries(Team const& t, std::byte const* keys, std::byte const* values,
                                          soon const& next, float const* q, int some, seen_positions const& seen,
                                          float* weights, float* records) const {
    if constexpr (rest > 0)
      if (some <= rest) return sum_queries<rest>(t, keys, values, next, q, seen, weights, records);
    sum_queries<together>(t, keys, values, next, q, seen, weights, records);
  }
  template <int Q, class Team>
  KOKKOS_INLINE_FUNCTION void sum_queries(Team const& t, std::byte const* keys, std::byte const* values,
                                          soon const& next, float const* q, seen_positions const& seen, float* weights,
                                          float* records) const {
    using V = typename Team::lanes;
    constexpr bool host = Team::lanes_at_once > 2;
    constexpr int L = host ? detail::lanes_that_fit<V, Q>(page_positions) : 2;
    t.each(page_positions / L, [&](int i) {
      detail::scores<stored, V, size, L, Q>(keys, i * L, q, padded, weights + i * L, page_positions, next.values);
    });
    t.barrier();
    t.each(Q, [&](int i) {
      detail::weigh<V>(weights + i * page_positions, seen.begin[i], seen.end[i], 1 / Kokkos::sqrt(float(size)),
                       records + i * record + padded);
    });
    t.barrier();
    using W = typename detail::lanes_along<V, size>::type;
    constexpr int span = host ? detail::lanes_that_fit<W, Q>(size) : size % 2 == 0 ? 2 : 1;
    t.each(size / span, [&](int i) {
      detail::mix<stored, W, size, span, Q, windowed>(values, i * span, weights, page_positions, seen.begin, seen.end,
                                                      records, record, next.keys);
    });
    t.barrier();
  }
};

}  // namespace cria::kernel
