#pragma once
// How a run of training looks on a terminal, and elsewhere.
#include <algorithm>
#include <chrono>
#include <string>

#include <fmt/format.h>
#include <unistd.h>

#include "cria/train/trainer.hpp"

namespace support {

inline std::string duration(double seconds) {
  long const s = long(seconds + 0.5);
  return s < 3600 ? fmt::format("{}:{:02}", s / 60, s % 60)
                  : fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

/// On a terminal a line with a bar that changes in place; elsewhere a line now and then. Validations stay in both.
class training_display {
 public:
  training_display(std::string program, long steps, long done, bool quiet)
      : program_(std::move(program)),
        steps_(steps),
        begun_(done),
        terminal_(::isatty(STDERR_FILENO) != 0),
        quiet_(quiet) {}
  training_display(training_display const&) = delete;
  training_display& operator=(training_display const&) = delete;
  ~training_display() { clear(); }

  void show(cria::train::step_record const& r) {
    if (quiet_) return;
    bool const first = r.done.step == begun_ + 1, last = r.done.step == steps_;
    std::chrono::duration<double> const since = clock::now() - shown_;
    if (r.validation_loss || (!terminal_ && (first || last || since.count() > 10))) {
      clear();
      fmt::print(stderr, "{}: step {} of {}: loss {:.3f}{}, {}, {:.1f} % of peak, {} left\n", program_, r.done.step,
                 steps_, r.loss, r.validation_loss ? fmt::format(", validation {:.3f}", *r.validation_loss) : "",
                 speed(r), 100 * r.peak_share, left(r));
      shown_ = clock::now();
    }
    if (!terminal_ || (since.count() < 0.1 && !first && !r.validation_loss)) return;
    constexpr long width = 24;
    std::string bar(std::size_t(width * r.done.step / steps_), '=');
    bar.resize(std::size_t(width), ' ');
    fmt::print(stderr, "\r\033[K[{}] step {} of {}  loss {:.3f}  {}  {:.1f} % of peak  {} left", bar, r.done.step,
               steps_, r.loss, speed(r), 100 * r.peak_share, left(r));
    shown_ = clock::now(), drawn_ = true;
  }

  /// Before anything else is written.
  void clear() {
    if (std::exchange(drawn_, false)) fmt::print(stderr, "\r\033[K");
  }

 private:
  using clock = std::chrono::steady_clock;
  std::string program_;
  long steps_, begun_;
  bool terminal_, quiet_, drawn_ = false;
  clock::time_point start_ = clock::now(), shown_ = start_;

  static std::string speed(cria::train::step_record const& r) {
    return r.tokens_per_second < 1e4 ? fmt::format("{:.0f} tokens/s", r.tokens_per_second)
                                     : fmt::format("{:.1f} k tokens/s", r.tokens_per_second / 1e3);
  }
  /// By the time that steps took since the start, with all that is between them.
  std::string left(cria::train::step_record const& r) const {
    std::chrono::duration<double> const time = clock::now() - start_;
    return duration(time.count() / double(r.done.step - begun_) * double(steps_ - r.done.step));
  }
};

}  // namespace support
