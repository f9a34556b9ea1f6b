#pragma once
// Copies between the host and an execution space. Kokkos' own copies are templates of every View's type, which takes
// the compiler most of a second for each; here bytes are copied.
#include <Kokkos_Core.hpp>
#include <cstddef>
#include <cstring>
#include <vector>

#include "cria/kernel/team.hpp"
#include "cria/run/memory.hpp"

namespace cria {

/// Copies `bytes` between memory that Exec reaches and, where To or From says so, the host, after the work that was
/// given to `exec`. The caller waits.
template <class ToSpace, class FromSpace, class Exec>
void copy_bytes(Exec const& exec, void* to, void const* from, std::size_t bytes) {
  if constexpr (kernel::on_host<Exec>) {
    exec.fence("cria/copy");
    std::memcpy(to, from, bytes);
  } else {
    using target = Kokkos::View<std::byte*, ToSpace, Kokkos::MemoryUnmanaged>;
    using source = Kokkos::View<std::byte const*, FromSpace, Kokkos::MemoryUnmanaged>;
    Kokkos::deep_copy(exec, target(static_cast<std::byte*>(to), bytes), source(static_cast<std::byte const*>(from), bytes));
  }
}

/// `count` values from the host.
template <class T, class Exec> void copy_in(Exec const& exec, T* to, T const* host, std::size_t count) {
  copy_bytes<typename Exec::memory_space, Kokkos::HostSpace>(exec, to, host, count * sizeof(T));
}
/// `count` values to the host.
template <class T, class Exec> void copy_out(Exec const& exec, T* host, T const* from, std::size_t count) {
  copy_bytes<Kokkos::HostSpace, typename Exec::memory_space>(exec, host, from, count * sizeof(T));
}
/// All values of a buffer, on the host.
template <class Exec, class T> std::vector<T> host_copy(Exec const& exec, buffer<T, typename Exec::memory_space> const& from) {
  std::vector<T> host(from.size());
  copy_out(exec, host.data(), from.data(), from.size());
  exec.fence();
  return host;
}
/// `count` values within the space.
template <class T, class Exec> void copy_within(Exec const& exec, T* to, T const* from, std::size_t count) {
  copy_bytes<typename Exec::memory_space, typename Exec::memory_space>(exec, to, from, count * sizeof(T));
}

/// Zeros in memory that Exec reaches, after the work that was given to `exec`.
template <class Exec> void zero_bytes(Exec const& exec, void* to, std::size_t bytes) {
  if constexpr (kernel::on_host<Exec>) {
    exec.fence("cria/zero");
    std::memset(to, 0, bytes);
  } else {
    using target = Kokkos::View<std::byte*, typename Exec::memory_space, Kokkos::MemoryUnmanaged>;
    Kokkos::deep_copy(exec, target(static_cast<std::byte*>(to), bytes), std::byte{0});
  }
}

}  // namespace cria
