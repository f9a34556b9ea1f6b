#pragma once
// Limits of the machine, measured by kernels of ours: what figures of speed are weighed against. All together take some 0.3 s.
#include <Kokkos_Core.hpp>
#include <algorithm>
#include <atomic>

#include "cria/kernel/lanes.hpp"
#include "cria/kernel/team.hpp"
#include "cria/run/copy.hpp"
#include "cria/run/host_loop.hpp"
#include "cria/run/memory.hpp"

namespace cria {

namespace detail {

template <class Exec> using widest_lanes = std::conditional_t<kernel::on_host<Exec>, kernel::host_lanes, kernel::scalar_lane>;
template <class Exec> int limit_indices(Exec const& exec) {
  return (kernel::on_host<Exec> ? 1 : 64) * kernel::concurrency_of(exec);
}

/// Each index reads as many streams side by side, all of them `rounds` times. On a host an index and a stream have memory of
/// their own; on a device neighbours read neighbouring words.
template <class Exec, int Streams> struct read_functor {
  using V = widest_lanes<Exec>;
  static constexpr int at_once = kernel::on_host<Exec> ? 64 / V::width : 1;  // words of one stream: whole lines
  std::int32_t const* data;
  int indices, rounds;
  std::size_t steps;

  static std::size_t steps_in(std::size_t bytes, int indices) {
    return bytes / sizeof(std::int32_t) / std::size_t(indices * Streams * at_once * V::width);
  }
  KOKKOS_INLINE_FUNCTION std::size_t place(int i, int stream, std::size_t step) const {
    if constexpr (kernel::on_host<Exec>)
      return ((std::size_t(i) * Streams + std::size_t(stream)) * steps + step) * at_once * V::width;
    else return (step * Streams + std::size_t(stream)) * std::size_t(indices) + std::size_t(i);
  }
  KOKKOS_INLINE_FUNCTION void operator()(int i, std::uint32_t& total) const {
    for (int round = 0; round < rounds; ++round) {
      typename V::i seen[Streams][at_once] = {};
      for (std::size_t k = 0; k < steps; ++k)
        for (int s = 0; s < Streams; ++s)
          for (int j = 0; j < at_once; ++j) seen[s][j] ^= V::load_words(data + place(i, s, k) + j * V::width);
      float out[V::width];
      for (auto const& stream : seen)
        for (auto const& x : stream) V::store(out, V::to_float(x)), total += std::uint32_t(out[0] != 0.0f) + std::uint32_t(round);
    }
  }
};

/// Each index multiplies and adds in registers alone, 12 chains of a vector: as many operations as the machine can do. They
/// approach i + 1: near 0 they would be denormal, which some machines multiply a hundred times slower.
template <class Exec> struct multiply_functor {
  using V = widest_lanes<Exec>;
  static constexpr int chains = 12, rounds = 1 << 18;
  static constexpr double operations = 2.0 * chains * rounds * V::width;
  KOKKOS_INLINE_FUNCTION void operator()(int i, float& total) const {
    typename V::f x[chains];
    for (int k = 0; k < chains; ++k) x[k] = V::splat(float(i + k));
    typename V::f const a = V::splat(0.999f), b = V::splat(0.001f * float(i + 1));
    for (int r = 0; r < rounds; ++r)
      for (int k = 0; k < chains; ++k) x[k] = V::fma(x[k], a, b);
    float out[V::width];
    for (int k = 0; k < chains; ++k) V::store(out, x[k]), total += out[0];
  }
};

/// The same for dots of blocks of 32 in int8: an integer sum of 8 words a lane, then scaled and added in f32. As in a
/// contraction, what is loaded serves all the chains.
template <class Exec> struct int8_functor {
  using V = widest_lanes<Exec>;
  static constexpr int chains = V::width == 16 ? 8 : 4, rounds = 1 << 15;  // three registers each
  static constexpr double operations = 2.0 * 32 * chains * rounds * V::width;
  KOKKOS_INLINE_FUNCTION void operator()(int i, float& total) const {
    std::int32_t words[2][8][V::width];
    for (int k = 0; k < 16; ++k)
      for (int l = 0; l < V::width; ++l) words[k / 8][k % 8][l] = (0x01020304 * k + l + i) & 0x0f0f0f0f;
    typename V::f x[chains];
    for (int k = 0; k < chains; ++k) x[k] = V::splat(float(i + k));
    typename V::f const scale = V::splat(1e-3f * float(i));
    for (int r = 0; r < rounds; ++r) {
      typename V::i sum[chains] = {};
      for (int g = 0; g < 8; ++g) {
        typename V::i const nibbles = V::load_words(words[r % 2][g]);
        for (int k = 0; k < chains; ++k) sum[k] = V::dot4_small(sum[k], nibbles, 0x01020304 * k + i);
      }
      for (int k = 0; k < chains; ++k) x[k] = V::fma(V::to_float(V::block_sum(sum[k])), scale, x[k]);
    }
    float out[V::width];
    for (int k = 0; k < chains; ++k) V::store(out, x[k]), total += out[0];
  }
};

/// One pass of a functor over `indices`. On hosts through host_loop, which is compiled once.
template <class Total, class Exec, class F> void pass_over(Exec const& exec, char const* label, int indices, F const& f) {
  if constexpr (kernel::on_host<Exec>) {
    std::atomic<bool> seen = false;  // so that no sum is left out
    host_loop(exec, label, indices, [&](int i) {
      Total total = 0;
      f(i, total);
      if (total != 0) seen.store(true, std::memory_order_relaxed);
    });
  } else {
    Total seen = 0;
    Kokkos::parallel_reduce(label, Kokkos::RangePolicy<Exec>(exec, 0, indices), f, seen);
  }
}

/// `amount` of work per second of a functor over `indices`: the best of several passes.
template <class Total, class Exec, class F>
double best_rate(Exec const& exec, char const* label, int indices, int passes, double amount, F const& f) {
  double best = 0;
  for (int pass = 0; pass < passes; ++pass) {
    exec.fence();
    Kokkos::Timer const timer;
    pass_over<Total>(exec, label, indices, f);
    exec.fence();
    best = std::max(best, amount / timer.seconds());
  }
  return best;
}

template <int Streams, class Exec> double read_rate(Exec const& exec, std::int32_t const* data, std::size_t bytes) {
  using functor = read_functor<Exec, Streams>;
  int const indices = limit_indices(exec), rounds = int(1 + (std::size_t(64) << 20) / bytes);
  functor const f{data, indices, rounds, functor::steps_in(bytes, indices)};
  double const words = double(f.steps) * indices * Streams * functor::at_once * functor::V::width;
  return best_rate<std::uint32_t>(exec, "cria/read bandwidth", indices, 4, words * sizeof(std::int32_t) * rounds, f);
}

}  // namespace detail

/// Bytes per second that `exec` sustains when it reads a set of so many bytes again and again, over 1, 2, 4 or 8 streams a
/// thread, whichever is fastest: of memory, where the set is some times larger than the caches, or of a cache.
template <class Exec> double measure_read_bandwidth(Exec const& exec, std::size_t bytes = std::size_t(256) << 20) {
  buffer<std::int32_t, typename Exec::memory_space> const set("cria/read bandwidth", bytes / sizeof(std::int32_t));
  if constexpr (kernel::on_host<Exec>) {  // each thread touches first what it will read
    int const indices = detail::limit_indices(exec);
    std::size_t const each = set.size() / std::size_t(indices);
    host_loop(exec, "cria/first touch", indices,
              [&](int i) { std::fill_n(set.data() + std::size_t(i) * each, each, std::int32_t(0)); });
  } else {
    zero_bytes(exec, set.data(), set.bytes());
  }
  return std::max({detail::read_rate<1>(exec, set.data(), bytes), detail::read_rate<2>(exec, set.data(), bytes),
                   detail::read_rate<4>(exec, set.data(), bytes), detail::read_rate<8>(exec, set.data(), bytes)});
}

/// Floating-point operations per second of fused multiply-adds in f32.
template <class Exec> double measure_peak_flops(Exec const& exec) {
  using functor = detail::multiply_functor<Exec>;
  int const indices = detail::limit_indices(exec);
  return detail::best_rate<float>(exec, "cria/peak flops", indices, 7, functor::operations * indices, functor{});
}

/// Operations per second of int8 dots over blocks of 32 that are scaled and added in f32.
template <class Exec> double measure_peak_int8(Exec const& exec) {
  using functor = detail::int8_functor<Exec>;
  int const indices = detail::limit_indices(exec);
  return detail::best_rate<float>(exec, "cria/peak int8", indices, 7, functor::operations * indices, functor{});
}

}  // namespace cria
