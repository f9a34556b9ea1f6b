#pragma once
// Limits of the machine, measured by kernels of ours: what figures of speed are weighed against.
#include <Kokkos_Core.hpp>
#include <algorithm>
#include <span>

#include "cria/kernel/team.hpp"

namespace cria {

namespace detail {

/// Each index reads one piece of memory as four streams side by side, the pattern that reads fastest.
struct read_functor {
  std::uint64_t const* data;
  std::size_t piece;  // words, a multiple of 32
  KOKKOS_INLINE_FUNCTION void operator()(int i, std::uint64_t& total) const {
    std::uint64_t const* const p = data + std::size_t(i) * piece;
    std::size_t const stream = piece / 4;
    std::uint64_t lane[4][8] = {};
    for (std::size_t k = 0; k < stream; k += 8)
      for (int s = 0; s < 4; ++s)
        for (int l = 0; l < 8; ++l) lane[s][l] ^= p[std::size_t(s) * stream + k + std::size_t(l)];
    for (auto const& s : lane)
      for (std::uint64_t x : s) total += x;
  }
};

}  // namespace detail

/// Bytes per second that `exec` sustains when it reads `memory`: the best of seven passes. The result means something when
/// the memory is larger than the caches.
template <class Exec> double measure_read_bandwidth(Exec const& exec, std::span<std::byte const> memory) {
  int const pieces = kernel::on_host<Exec> ? exec.concurrency() : 16 * exec.concurrency();
  std::size_t const words = memory.size() / 8, piece = words / std::size_t(pieces) / 32 * 32;
  if (piece == 0) return 0;
  detail::read_functor const f{reinterpret_cast<std::uint64_t const*>(memory.data()), piece};
  double best = 0;
  for (int pass = 0; pass < 7; ++pass) {
    std::uint64_t seen = 0;
    exec.fence();
    Kokkos::Timer const timer;
    Kokkos::parallel_reduce("cria/read bandwidth", Kokkos::RangePolicy<Exec>(exec, 0, pieces), f, seen);
    exec.fence();
    best = std::max(best, double(piece) * 8 * pieces / timer.seconds());
  }
  return best;
}

}  // namespace cria
