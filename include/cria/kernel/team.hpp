#pragma once
// Who works on a tile: one host thread, or a team of a device. Bodies use each and sum, and run unchanged on both.
#include <Kokkos_Core.hpp>

#include "cria/kernel/lanes.hpp"

namespace cria::kernel {

/// One thread of the host. Sums are taken in 16 lanes and folded in a fixed order: the same bits everywhere.
struct solo {
  using lanes = host_lanes;
  static constexpr int lanes_at_once = 32;  // columns of a result that one caller of `each` takes

  template <class F> KOKKOS_FORCEINLINE_FUNCTION void each(int n, F const& f) const {
    for (int i = 0; i < n; ++i) f(i);
  }
  template <class F> KOKKOS_FORCEINLINE_FUNCTION float sum(int n, F const& f) const {
    float lane[16] = {};
    int i = 0;
    for (; i + 16 <= n; i += 16)
      for (int l = 0; l < 16; ++l) lane[l] += f(i + l);
    for (int l = 0; i + l < n; ++l) lane[l] += f(i + l);
    typename lanes::f v[16 / lanes::width];
    for (int k = 0; k < 16 / lanes::width; ++k) v[k] = lanes::load(lane + k * lanes::width);
    return fold<lanes>(v, plus{});
  }
  template <class F> KOKKOS_FORCEINLINE_FUNCTION float largest(int n, F const& f) const {
    float lane[16];
    for (int l = 0; l < 16; ++l) lane[l] = f(l < n ? l : 0);
    int i = 16;
    auto const take = [&](int l) {
      float const x = f(i + l);
      lane[l] = x > lane[l] ? x : lane[l];
    };
    for (; i + 16 <= n; i += 16)
      for (int l = 0; l < 16; ++l) take(l);
    for (int l = 0; i + l < n; ++l) take(l);
    float most = lane[0];
    for (float const x : lane) most = x > most ? x : most;
    return most;
  }
  KOKKOS_FORCEINLINE_FUNCTION void barrier() const {}
};

/// A team of device threads.
template <class Member> struct team_of {
  using lanes = scalar_lane;
  static constexpr int lanes_at_once = 2;  // a pair that rope turns stays in one thread

  Member const& member;

  template <class F> KOKKOS_INLINE_FUNCTION void each(int n, F const& f) const {
    Kokkos::parallel_for(Kokkos::TeamThreadRange(member, n), f);
  }
  template <class F> KOKKOS_INLINE_FUNCTION float sum(int n, F const& f) const {
    float total = 0;
    Kokkos::parallel_reduce(Kokkos::TeamThreadRange(member, n), [&](int i, float& part) { part += f(i); }, total);
    return total;
  }
  template <class F> KOKKOS_INLINE_FUNCTION float largest(int n, F const& f) const {
    float most = 0;
    Kokkos::parallel_reduce(
        Kokkos::TeamThreadRange(member, n), [&](int i, float& part) { part = Kokkos::max(part, f(i)); },
        Kokkos::Max<float>(most));
    return most;
  }
  KOKKOS_INLINE_FUNCTION void barrier() const { member.team_barrier(); }
};

/// How a kernel is launched where nothing else is said: all pieces at once, dealt out in turns.
struct one_phase {
  static constexpr bool keeps_order = false;  // whether a worker takes neighbouring pieces
  void divide(int, bool) {}
  int phases() const { return 1; }
  std::size_t shared_floats() const { return 0; }
};

/// The threads of an instance. Until Kokkos 5 `exec.concurrency()` may tell those of the default instance.
template <class Exec> int concurrency_of(Exec const& exec) {
  if constexpr (requires { Exec::concurrency(exec); }) return Exec::concurrency(exec);
  else return exec.concurrency();
}

/// Execution spaces whose bodies run as one host thread each.
template <class Exec> inline constexpr bool on_host = std::is_same_v<typename Exec::memory_space, Kokkos::HostSpace>;

}  // namespace cria::kernel
