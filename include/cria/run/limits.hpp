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

/// Each index multiplies and adds in registers alone, 12 chains of a vector: as many operations as the machine can do.
template <class Exec> struct multiply_functor {
  using V = std::conditional_t<kernel::on_host<Exec>, kernel::host_lanes, kernel::scalar_lane>;
  enum : int { chains = 12, rounds = 1 << 16 };
  static constexpr double flops = 2.0 * int(chains) * int(rounds) * V::width;
  KOKKOS_INLINE_FUNCTION void operator()(int i, float& total) const {
    typename V::f x[chains];
    for (int k = 0; k < chains; ++k) x[k] = V::splat(float(i + k));
    typename V::f const a = V::splat(0.999f), b = V::splat(0.001f * float(i));
    for (int r = 0; r < rounds; ++r)
      for (int k = 0; k < chains; ++k) x[k] = V::fma(x[k], a, b);
    float out[V::width];
    for (int k = 0; k < chains; ++k) {
      V::store(out, x[k]);
      total += out[0];
    }
  }
};

}  // namespace detail

/// Bytes per second that `exec` sustains when it reads all of `memory`, piece after piece: the best of seven passes. The
/// result means something when the memory is larger than the caches.
template <class Exec> double measure_read_bandwidth(Exec const& exec, std::span<std::span<std::byte const> const> memory) {
  int const most = kernel::on_host<Exec> ? exec.concurrency() : 16 * exec.concurrency();
  double best = 0;
  for (int pass = 0; pass < 7; ++pass) {
    double bytes = 0;
    exec.fence();
    Kokkos::Timer const timer;
    for (auto const& m : memory) {
      std::size_t const words = m.size() / 8;
      int const pieces = int(std::min(std::size_t(most), words / 32));
      if (pieces == 0) continue;
      std::size_t const piece = words / std::size_t(pieces) / 32 * 32;
      std::uint64_t seen = 0;
      detail::read_functor const f{reinterpret_cast<std::uint64_t const*>(m.data()), piece};
      Kokkos::parallel_reduce("cria/read bandwidth", Kokkos::RangePolicy<Exec>(exec, 0, pieces), f, seen);
      bytes += double(piece) * 8 * pieces;
    }
    exec.fence();
    best = std::max(best, bytes / timer.seconds());
  }
  return best;
}

/// Floating-point operations per second of fused multiply-adds in f32, the best of seven passes.
template <class Exec> double measure_peak_flops(Exec const& exec) {
  using functor = detail::multiply_functor<Exec>;
  int const indices = kernel::on_host<Exec> ? exec.concurrency() : 4 * exec.concurrency();
  double best = 0;
  for (int pass = 0; pass < 7; ++pass) {
    float seen = 0;
    exec.fence();
    Kokkos::Timer const timer;
    Kokkos::parallel_reduce("cria/peak flops", Kokkos::RangePolicy<Exec>(exec, 0, indices), functor{}, seen);
    exec.fence();
    best = std::max(best, functor::flops * indices / timer.seconds());
  }
  return best;
}

}  // namespace cria
