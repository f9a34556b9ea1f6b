#pragma once
// Large pages for memory that is read in long streams: fewer misses of the translation buffers.
#include <Kokkos_Core.hpp>
#include <cstddef>
#include <cstdint>
#include <string>

#include "cria/kernel/team.hpp"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace cria {

/// Asks the system for large pages where it has them; memory that was not touched yet profits. A hint, which cannot fail.
inline void prefer_large_pages([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t bytes) {
#if defined(__linux__)
  constexpr std::uintptr_t page = std::uintptr_t(2) << 20;
  std::uintptr_t const begin = (reinterpret_cast<std::uintptr_t>(memory) + page - 1) / page * page;
  std::uintptr_t const end = (reinterpret_cast<std::uintptr_t>(memory) + bytes) / page * page;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

/// `n` floats of an execution space, not initialised; on a host in large pages.
template <class Exec>
Kokkos::View<float*, typename Exec::memory_space> large_floats(Exec const& exec, std::string const& label,
                                                               std::size_t n) {
  Kokkos::View<float*, typename Exec::memory_space> const floats(Kokkos::view_alloc(exec, Kokkos::WithoutInitializing, label), n);
  if constexpr (kernel::on_host<Exec>) prefer_large_pages(floats.data(), n * sizeof(float));
  return floats;
}

}  // namespace cria
