#pragma once
// How far a work on many bytes is.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

namespace support {

/// A line on a terminal that says how far the work is, a few times a second.
class progress_line {
 public:
  explicit progress_line(std::uint64_t all) : all_(all) {}
  ~progress_line() {
    if (shown_) fmt::print(stderr, "\r\033[K");
  }

  double seconds() const { return std::chrono::duration<double>(clock::now() - start_).count(); }

  void show(std::uint64_t done) {
    if (!terminal_ || seconds() < next_ || done == 0) return;
    double const rate = double(done) / seconds();
    auto const left = double(all_ - std::min(all_, done)) / rate;
    fmt::print(stderr, "\r\033[K{:.0f} %, {:.1f} of {:.1f} MB, {:.1f} MB/s, {:.0f} s left",
               100 * double(std::min(all_, done)) / double(all_), double(done) / 1e6, double(all_) / 1e6, rate / 1e6,
               left);
    next_ = seconds() + 0.2, shown_ = true;
  }

 private:
  using clock = std::chrono::steady_clock;
  clock::time_point start_ = clock::now();
  std::uint64_t all_;
  double next_ = 0.2;
  bool terminal_ = ::isatty(STDERR_FILENO) != 0, shown_ = false;
};

}  // namespace support
