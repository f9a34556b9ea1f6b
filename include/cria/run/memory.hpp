#pragma once
// Memory of an execution space. Kokkos' Views are templates of each element's type, which cost the compiler a tenth of a
// second each; here all memory is allocated by one function. Kokkos' tools see it under its label as they see a View.
#include <Kokkos_Core.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "cria/kernel/team.hpp"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace cria {

/// `size()` values of type T where Space is, not initialised and not copied. Throws what Kokkos throws where there is not so
/// much memory. One that outlives Kokkos' finalize leaves its memory to the system.
template <class T, class Space> class buffer {
 public:
  buffer() = default;
  buffer(std::string const& label, std::size_t size)
      : data_(static_cast<T*>(Kokkos::kokkos_malloc<Space>(label, size * sizeof(T)))), size_(size) {}
  buffer(buffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  buffer& operator=(buffer other) noexcept {
    std::swap(data_, other.data_), std::swap(size_, other.size_);
    return *this;
  }
  ~buffer() {
    if (data_ != nullptr && Kokkos::is_initialized()) Kokkos::kokkos_free<Space>(data_);
  }

  T* data() const { return data_; }
  std::size_t size() const { return size_; }
  std::size_t bytes() const { return size_ * sizeof(T); }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Asks the system for large pages where it has them: fewer misses of the translation buffers in memory that is read in long
/// streams. What was not touched yet profits. A hint, which cannot fail.
inline void prefer_large_pages([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t bytes) {
#if defined(__linux__)
  constexpr std::uintptr_t page = std::uintptr_t(2) << 20;
  std::uintptr_t const begin = (reinterpret_cast<std::uintptr_t>(memory) + page - 1) / page * page;
  std::uintptr_t const end = (reinterpret_cast<std::uintptr_t>(memory) + bytes) / page * page;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

/// A buffer of values that are read in long streams.
template <class T, class Exec>
buffer<T, typename Exec::memory_space> stream_buffer(std::string const& label, std::size_t size) {
  buffer<T, typename Exec::memory_space> b(label, size);
  if constexpr (kernel::on_host<Exec>) prefer_large_pages(b.data(), b.bytes());
  return b;
}

}  // namespace cria
