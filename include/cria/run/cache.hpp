#pragma once
// The kv cache: keys and values of every layer and sequence. Memory that no position has used yet is not touched.
#include <Kokkos_Core.hpp>

#include "cria/graph/program.hpp"
#include "cria/kernel/evaluate.hpp"

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

template <class Exec> class kv_cache {
 public:
  /// Room for `room` positions of each of `sequences` sequences in `layers` instances of program P.
  template <class P> void make(Exec const& exec, int layers, int sequences, int room) {
    room_ = room, sequences_ = sequences, pages_of_sequence_ = (room + kernel::page_positions - 1) / kernel::page_positions;
    pages_ = sequences * pages_of_sequence_;
    for (int i = 0; i < plan_of<P>.g.count; ++i) {
      int const width = detail::cached_width(plan_of<P>, i);
      if (width == 0) continue;
      std::size_t const bytes = bytes_of(P::policy::cache::id, std::size_t(width)) * kernel::page_positions * std::size_t(layers) * std::size_t(pages_);
      spot const s = plan_of<P>.where[i];
      (s.at == region::key_cache ? keys_ : values_)[s.index] = storage(Kokkos::view_alloc(exec, Kokkos::WithoutInitializing, "cria/kv cache"), bytes);
    }
    table_ = decltype(table_)(Kokkos::view_alloc(exec, Kokkos::WithoutInitializing, "cria/pages"), std::size_t(pages_));
    auto const staged = Kokkos::create_mirror_view(Kokkos::WithoutInitializing, Kokkos::HostSpace{}, table_);
    exec.fence();
    for (int i = 0; i < pages_; ++i) staged(i) = i;
    Kokkos::deep_copy(exec, table_, staged);
    exec.fence();
  }

  void bind(kernel::context& c) const {
    for (int i = 0; i < max_attentions; ++i) c.keys[i] = keys_[i].data(), c.values[i] = values_[i].data();
    c.page = table_.data(), c.pages = pages_, c.pages_of_sequence = pages_of_sequence_;
  }

  int room() const { return room_; }

 private:
  using storage = Kokkos::View<std::byte*, typename Exec::memory_space>;
  storage keys_[max_attentions], values_[max_attentions];
  Kokkos::View<int*, typename Exec::memory_space> table_;  // [sequence, pages_of_sequence]
  int room_ = 0, sequences_ = 1, pages_ = 0, pages_of_sequence_ = 0;
};

}  // namespace cria
