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
  return n * std::size_t(layers) * std::size_t(P::policy::cache::bytes);
}

template <class Exec> class kv_cache {
 public:
  /// Room for `room` positions of each of `sequences` sequences in `layers` instances of program P.
  template <class P> void make(Exec const& exec, int layers, int sequences, int room) {
    room_ = room, padded_ = (room + 15) / 16 * 16, sequences_ = sequences;
    for (int i = 0; i < plan_of<P>.g.count; ++i) {
      int const width = detail::cached_width(plan_of<P>, i);
      if (width == 0) continue;
      std::size_t const bytes = std::size_t(width) * P::policy::cache::bytes * std::size_t(layers) * std::size_t(sequences) * std::size_t(padded_);
      spot const s = plan_of<P>.where[i];
      (s.at == region::key_cache ? keys_ : values_)[s.index] = storage(Kokkos::view_alloc(exec, Kokkos::WithoutInitializing, "cria/kv cache"), bytes);
    }
  }

  void bind(kernel::context& c) const {
    for (int i = 0; i < max_attentions; ++i) c.keys[i] = keys_[i].data(), c.values[i] = values_[i].data();
    c.room = padded_, c.sequences = sequences_;
  }

  int room() const { return room_; }

 private:
  using storage = Kokkos::View<std::byte*, typename Exec::memory_space>;
  storage keys_[max_attentions], values_[max_attentions];
  int room_ = 0, padded_ = 0, sequences_ = 1;  // keys lie in tiles of 16 positions
};

}  // namespace cria
