#pragma once
// Which pages of a pool hold the positions of which sequence: memory follows use, and a common beginning is kept once.
#include <algorithm>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "cria/core/error.hpp"

namespace cria {

/// Pages are counted: sequences share them, and the first to write into a shared one gets a copy of its own. Of free pages
/// the lowest is taken first, so that memory which nobody needed yet stays untouched.
class page_table {
 public:
  struct copy {
    int from, to;  // pages
  };

  /// `pages` for `sequences` sequences of up to `room` positions, `positions` in each page.
  page_table(int sequences, int room, int pages, int positions)
      : positions_(positions),
        row_((room + positions - 1) / positions),
        table_(std::size_t(sequences) * std::size_t(row_), none),
        users_(std::size_t(pages), 0) {}

  /// Makes sure that `position` lies in a page that no other sequence has. Says which page must be copied to which before
  /// it is written. Throws cria::error, and changes nothing, when the pool is used up and where a page before it is missing.
  std::optional<copy> write(int sequence, int position) {
    int const index = position / positions_;
    if (index > 0 && at(sequence, index - 1) == none)
      detail::refuse("position", "an earlier one of its sequence was never given",
                     detail::words("at most ", reach(sequence)), detail::words(position));
    int& page = at(sequence, index);
    if (page != none && users_[std::size_t(page)] == 1) return std::nullopt;
    auto const free = std::ranges::find(users_, 0);
    if (free == users_.end())
      detail::refuse("kv cache", "used up", detail::words("a free page of ", positions_, " positions"),
                     detail::words("all ", pages(), " in use"));
    int const before = std::exchange(page, int(free - users_.begin()));
    *free = 1, ++used_;
    changed_ = true;
    if (before == none) return std::nullopt;
    --users_[std::size_t(before)];
    return copy{before, page};
  }

  /// Sequence `to` holds the first `positions` positions of `from` and nothing else; with `from` itself the rest is let go.
  /// Throws cria::error, and changes nothing, when `from` does not reach as far.
  void share(int from, int to, int positions) {
    int const shared = (positions + positions_ - 1) / positions_;
    for (int i = 0; i < shared; ++i)
      if (i >= row_ || at(from, i) == none)
        detail::refuse("kv cache", "shared beyond what is there", detail::words(positions, " positions"),
                       detail::words(i * positions_));
    for (int i = 0; i < row_; ++i) {
      int const page = i < shared ? at(from, i) : none;
      if (page != none) ++users_[std::size_t(page)];
      let_go(at(to, i));
      at(to, i) = page;
    }
    changed_ = true;
  }

  void release(int sequence) { share(sequence, sequence, 0); }

  /// [sequence, pages of a sequence]: where each page of positions is; `none` where nothing was written.
  std::span<int const> table() const { return table_; }
  static constexpr int none = -1;

  /// Whether the table is another than when this was asked last, or was never asked for.
  bool take_change() { return std::exchange(changed_, false); }

  int sequences() const { return int(table_.size()) / row_; }
  int positions_of_page() const { return positions_; }
  int pages() const { return int(users_.size()); }
  int pages_of_sequence() const { return row_; }
  int used() const { return used_; }

 private:
  int positions_, row_;
  std::vector<int> table_;
  std::vector<int> users_;  // of each page
  int used_ = 0;
  bool changed_ = true;

  int& at(int sequence, int i) { return table_[std::size_t(sequence) * std::size_t(row_) + std::size_t(i)]; }

  /// Positions of the pages that a sequence has.
  int reach(int sequence) {
    int i = 0;
    while (i < row_ && at(sequence, i) != none) ++i;
    return i * positions_;
  }

  void let_go(int page) {
    if (page != none && --users_[std::size_t(page)] == 0) --used_;
  }
};

}  // namespace cria
