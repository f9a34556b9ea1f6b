#pragma once
// The time of each kernel inside a whole step, through Kokkos' hooks for profilers: while they are set, a session launches its
// kernels one by one.
#include <Kokkos_Core.hpp>

#include <chrono>
#include <map>
#include <string>

namespace support {

/// Seconds by label, summed up since `start`.
class kernel_clock {
 public:
  static void start() {
    seconds_.clear();
    Kokkos::Tools::Experimental::set_begin_parallel_for_callback(begin);
    Kokkos::Tools::Experimental::set_end_parallel_for_callback(end);
  }
  static std::map<std::string, double> stop() {
    Kokkos::Tools::Experimental::set_begin_parallel_for_callback(nullptr);
    Kokkos::Tools::Experimental::set_end_parallel_for_callback(nullptr);
    return std::move(seconds_);
  }

 private:
  using clock = std::chrono::steady_clock;
  static inline std::map<std::string, double> seconds_;
  static inline double* running_ = nullptr;
  static inline clock::time_point since_;

  static void begin(char const* label, std::uint32_t, std::uint64_t*) {
    running_ = &seconds_[label];
    since_ = clock::now();
  }
  static void end(std::uint64_t) {
    if constexpr (!std::is_same_v<Kokkos::DefaultExecutionSpace, Kokkos::DefaultHostExecutionSpace>)
      Kokkos::fence("support/kernel clock");
    *running_ += std::chrono::duration<double>(clock::now() - since_).count();
  }
};

}  // namespace support
