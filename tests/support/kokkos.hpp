#pragma once
// Kokkos in a test: initialised when a test first asks for it, finalised at the end.
#include <Kokkos_Core.hpp>
#include <span>
#include <type_traits>
#include <vector>

namespace cria::test {

using space_type = Kokkos::DefaultExecutionSpace;

inline space_type space() {
  static Kokkos::ScopeGuard const guard(Kokkos::InitializationSettings().set_disable_warnings(true));
  return {};
}

/// An instance of its own that uses `threads` threads, where the execution space has threads to choose.
inline space_type space_of(int threads) {
  space();
  if constexpr (std::is_constructible_v<space_type, int>) return space_type(threads);
  else return {};
}

/// A copy on the host of values in the memory of the execution space.
inline std::vector<float> on_host(std::span<float const> values) {
  std::vector<float> copy(values.size());
  using Kokkos::View, Kokkos::MemoryUnmanaged;
  Kokkos::deep_copy(View<float*, Kokkos::HostSpace, MemoryUnmanaged>(copy.data(), copy.size()),
                    View<float const*, space_type::memory_space, MemoryUnmanaged>(values.data(), values.size()));
  return copy;
}

/// A copy in the memory of the execution space.
template <class T> Kokkos::View<T*, space_type::memory_space> on_device(std::vector<T> const& values) {
  Kokkos::View<T*, space_type::memory_space> copy(Kokkos::view_alloc(Kokkos::WithoutInitializing, "copy"), values.size());
  Kokkos::deep_copy(copy, Kokkos::View<T const*, Kokkos::HostSpace, Kokkos::MemoryUnmanaged>(values.data(), values.size()));
  return copy;
}

}  // namespace cria::test
