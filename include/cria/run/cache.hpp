#pragma once
// The kv cache: keys and values of every layer and sequence. In pages, so that memory
// follows use and sequences share a common beginning.
#include <optional>

#include "cria/graph/program.hpp"
#include "cria/kernel/evaluate.hpp"
#include "cria/run/copy.hpp"
#include "cria/run/memory.hpp"
#include "cria/run/pages.hpp"

namespace cria {

namespace detail {

/// Values that node i of a plan caches per position; 0 where it is not cached.
constexpr int cached_width(plan const& p, int i) {
  return p.where[i].at == region::key_cache || p.where[i].at == region::value_cache ? p.g.nodes[i].cols : 0;
}

}  // namespace detail

/// Bytes that one position of one sequence takes in the caches of `layers` instances of program P.
template <class P> constexpr std::size_t cache_bytes_per_position(int layers) {
  std::size_t n = 0;
  for (int i = 0; i < plan_of<P>.g.count; ++i) n += std::size_t(detail::cached_width(plan_of<P>, i));
  return bytes_of(P::policy::cache::id, n) * std::size_t(layers);
}

/// Keys and values of all layers and sequences, in pages of 64 positions.
template <class Exec> class kv_cache {
 public:
  /// Room for `room` positions of each of `sequences` sequences in `layers` instances of program P, but no more than `positions`
  /// of all together; 0: enough for all.
  template <class P> void make(int layers, int sequences, int room, int positions = 0) {
    auto const pages_for = [](int n) { return (n + kernel::page_positions - 1) / kernel::page_positions; };
    room_ = room, layers_ = layers;
    pages_.emplace(sequences, room, positions > 0 ? pages_for(positions) : sequences * pages_for(room), kernel::page_positions);
    for (int i = 0; i < plan_of<P>.g.count; ++i) {
      int const width = detail::cached_width(plan_of<P>, i);
      if (width == 0) continue;
      spot const s = plan_of<P>.where[i];
      store& to = (s.at == region::key_cache ? keys_ : values_)[s.index];
      to.page_bytes = bytes_of(P::policy::cache::id, std::size_t(width)) * kernel::page_positions;
      to.bytes = {"cria/kv cache", to.page_bytes * std::size_t(layers) * std::size_t(pages_->pages())};
    }
    table_ = {"cria/pages", pages_->table().size()};
  }

  /// Gives every row a page to write in. Throws where all are in use.
  void prepare(Exec const& exec, std::span<int const> sequence, std::span<int const> position) {
    for (std::size_t i = 0; i < sequence.size(); ++i)
      if (auto const c = pages_->write(sequence[i], position[i])) copy(exec, *c);
    if (!pages_->take_change()) return;
    copy_in(exec, table_.data(), pages_->table().data(), pages_->table().size());
    exec.fence();
  }

  void bind(kernel::context& c) const {
    for (int i = 0; i < max_attentions; ++i) c.keys[i] = keys_[i].bytes.data(), c.values[i] = values_[i].bytes.data();
    c.page = table_.data(), c.pages = pages_->pages(), c.pages_of_sequence = pages_->pages_of_sequence();
  }

  int room() const { return room_; }
  page_table& pages() { return *pages_; }
  page_table const& pages() const { return *pages_; }

 private:
  using memory = typename Exec::memory_space;
  struct store {
    buffer<std::byte, memory> bytes;  // [layer, page, page_bytes]
    std::size_t page_bytes = 0;
  };
  store keys_[max_attentions], values_[max_attentions];
  buffer<int, memory> table_;  // [sequence, pages of a sequence]
  std::optional<page_table> pages_;
  int room_ = 0, layers_ = 0;

  void copy(Exec const& exec, page_table::copy const& c) const {
    for (auto const* stores : {keys_, values_})
      for (store const& s : std::span(stores, max_attentions))
        for (int layer = 0; layer < (s.page_bytes > 0 ? layers_ : 0); ++layer) {
          auto const page = [&](int i) {
            return s.bytes.data() + (std::size_t(layer) * std::size_t(pages_->pages()) + std::size_t(i)) * s.page_bytes;
          };
          copy_within(exec, page(c.to), page(c.from), s.page_bytes);
        }
    exec.fence();
  }
};

}  // namespace cria
