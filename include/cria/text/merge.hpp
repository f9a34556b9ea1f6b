#pragma once
// The loop of byte-pair encoding: the best pair of neighbours becomes one, until none is left. n log n for n symbols.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <queue>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/io/byte_reader.hpp"

namespace cria::text::detail {

/// A stretch of the text; `id` is the caller's. bytes 0: merged into the one before it.
struct symbol {
  std::uint32_t begin, bytes;
  int id, previous, next;
};

/// What a pair of neighbours would become. A lower rank goes first, and of equal ranks the pair further left.
template <class Rank> struct merged {
  Rank rank;
  int id;
};

/// Appends a symbol of `bytes` bytes behind the others.
inline void append(std::vector<symbol>& symbols, std::size_t begin, std::size_t bytes, int id) {
  int const place = int(symbols.size());
  if (place > 0) symbols.back().next = place;
  symbols.push_back({std::uint32_t(begin), std::uint32_t(bytes), id, place - 1, -1});
}

/// Merges in place. `pair(left, right)` gives the merged<Rank> of two symbols, or nothing.
template <class Rank> void merge(std::vector<symbol>& symbols, auto const& pair) {
  struct candidate {
    Rank rank;
    int left, right, id;
    std::uint32_t bytes;  // of both: one of them has changed if this is no longer so
    bool operator<(candidate const& other) const { return rank != other.rank ? rank > other.rank : left > other.left; }
  };
  std::priority_queue<candidate> queue;
  auto const consider = [&](int left, int right) {
    if (left < 0 || right < 0) return;
    auto const &l = symbols[std::size_t(left)], &r = symbols[std::size_t(right)];
    if (std::optional<merged<Rank>> const m = pair(l, r)) queue.push({m->rank, left, right, m->id, l.bytes + r.bytes});
  };
  for (int i = 1; i < int(symbols.size()); ++i) consider(i - 1, i);
  while (!queue.empty()) {
    auto const best = queue.top();
    queue.pop();
    auto &left = symbols[std::size_t(best.left)], &right = symbols[std::size_t(best.right)];
    if (left.bytes == 0 || right.bytes == 0 || left.next != best.right || left.bytes + right.bytes != best.bytes)
      continue;
    left.bytes = best.bytes, left.id = best.id, left.next = right.next;
    right.bytes = 0;
    if (left.next >= 0) symbols[std::size_t(left.next)].previous = best.left;
    consider(left.previous, best.left), consider(best.left, left.next);
  }
}

/// Which pairs of tokens become one, and in which order.
class merge_table {
 public:
  merge_table() = default;
  /// `merges` are "left right", the first goes first; `id_of` gives the token of a text, or -1. Throws cria::error, under
  /// the name `file`, for a merge whose parts or result are no tokens.
  merge_table(std::vector<std::string_view> const& merges, auto const& id_of, std::string_view file) {
    for (std::size_t i = 0; i < merges.size(); ++i) {
      auto const blank = merges[i].find(' ', 1);
      bool const two = blank != std::string_view::npos;
      std::string const left(merges[i].substr(0, blank)), right(two ? merges[i].substr(blank + 1) : "");
      int const l = id_of(left), r = id_of(right), both = id_of(left + right);
      if (!two || l < 0 || r < 0 || both < 0)
        throw error(file, fmt::format("merge {}", i), "two tokens whose union is a token", io::printable(merges[i]));
      merges_.emplace(key(l, r), merged<int>{int(i), both});
    }
  }

  /// All pairs of tokens whose texts together are a token's, which is their rank. `ids` has tokens by their texts. Throws
  /// cria::error, under the name `file`, for more than no vocabulary of words has (Llama 3's some 280,000).
  merge_table(std::unordered_map<std::string, int> const& ids, std::string_view file) {
    constexpr std::size_t most = 1 << 20;
    for (auto const& [text, both] : ids) {
      for (auto const& [left, right] : pairs_of(text, ids)) merges_.emplace(key(left, right), merged<int>{both, both});
      if (merges_.size() > most)
        throw error(std::string(file), "pairs of tokens that are a token together", fmt::format("at most {}", most), "more");
    }
  }

  /// The pairs of tokens whose texts together are `text`, the shortest left one first.
  static std::vector<std::pair<int, int>> pairs_of(std::string const& text, std::unordered_map<std::string, int> const& ids) {
    std::vector<std::pair<int, int>> pairs;
    for (std::size_t cut = 1; cut < text.size(); ++cut) {
      auto const left = ids.find(text.substr(0, cut)), right = ids.find(text.substr(cut));
      if (left != ids.end() && right != ids.end()) pairs.emplace_back(left->second, right->second);
    }
    return pairs;
  }

  bool empty() const { return merges_.empty(); }

  std::optional<merged<int>> operator()(symbol const& left, symbol const& right) const {
    auto const found = merges_.find(key(left.id, right.id));
    return found == merges_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  static std::uint64_t key(int left, int right) { return std::uint64_t(std::uint32_t(left)) << 32 | std::uint32_t(right); }

  std::unordered_map<std::uint64_t, merged<int>> merges_;
};

}  // namespace cria::text::detail
