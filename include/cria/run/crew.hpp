#pragma once
// A crew: workers of a host that go through many kernels in one parallel region and wait for each other in between. A wait
// costs a fraction of a microsecond, a launch several.
#include <Kokkos_Core.hpp>
#include <atomic>
#include <memory>
#include <thread>

#include "cria/kernel/team.hpp"
#include "cria/run/host_loop.hpp"

namespace cria {

/// Where workers wait until all have come. They spin, then give way to others; at once where there are more threads than cores.
class barrier {
 public:
  explicit barrier(int threads) : spins_(threads > int(std::thread::hardware_concurrency()) ? 0 : 4000) {}

  void wait(int workers) {
    if (workers == 1) return;
    int const mine = generation_.load(std::memory_order_relaxed);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) == workers - 1) {
      arrived_.store(0, std::memory_order_relaxed);
      generation_.store(mine + 1, std::memory_order_release);
      return;
    }
    for (int spins = 0; generation_.load(std::memory_order_acquire) == mine; ++spins)
      if (spins < spins_) pause();
      else std::this_thread::yield();
  }

 private:
  int spins_;
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<int> generation_{0};

  static void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }
};

/// One worker of a crew.
struct crew_member {
  int index, count;
  barrier* meeting;
  void wait() const { meeting->wait(count); }
};

namespace detail {

/// Whether indices of a range are sure to run beside each other, each on a thread of its own.
template <class Exec> inline constexpr bool has_crews = false;
#if defined(KOKKOS_ENABLE_OPENMP)
template <> inline constexpr bool has_crews<Kokkos::OpenMP> = true;
inline int parallel_level() { return omp_get_level(); }
inline int threads_of_region() { return omp_get_num_threads(); }
#else
inline int parallel_level() { return 0; }
inline int threads_of_region() { return 1; }
#endif

}  // namespace detail

/// Whether `workers` threads of `exec` can form a crew. With a profiling tool kernels are launched one by one, to be seen.
template <class Exec> bool can_form_crew(int workers) {
  return kernel::on_host<Exec> && (workers == 1 || detail::has_crews<Exec>) && !Kokkos::Tools::profileLibraryLoaded();
}

/// Calls work(crew_member) on `workers` threads at once. Where the system gives fewer threads, the first does it all.
template <class Exec, class F> void with_crew(Exec const& exec, char const* label, int workers, barrier& meeting, F const& work) {
  host_loop(exec, label, workers, [&, outer = detail::parallel_level()](int i) {
    bool const beside =
        workers == 1 || (detail::parallel_level() == outer + 1 && detail::threads_of_region() >= workers);
    if (beside || i == 0) work(crew_member{i, beside ? workers : 1, &meeting});
  });
}

}  // namespace cria
