#pragma once
// Memory for what programs compute and don't keep: per row, once, and for each worker of a host. One for all programs that
// don't run at the same time.
#include <algorithm>
#include <string>

#include "cria/kernel/fused.hpp"
#include "cria/run/memory.hpp"

namespace cria {

namespace detail {

struct floats_needed {
  std::size_t scratch = 0, shared = 0;
};

/// What the kernels of P need on a host in a step of `rows` rows; few are worked on in another way than many, and may need more.
template <class P, int... G>
void add_needed(floats_needed& most, int rows, int workers, int reach, std::integer_sequence<int, G...>) {
  [[maybe_unused]] auto const add = [&](auto f) {
    f.c.rows = rows, f.c.reach = reach;
    f.divide(workers, true);
    most.scratch = std::max(most.scratch, f.scratch_floats()), most.shared = std::max(most.shared, f.shared_floats());
  };
  (add(kernel::fused<P, G>{}), ...);
}

}  // namespace detail

/// Memory that the kernels of some programs share: values between kernels, and scratch of a host's workers.
template <class Exec> class workspace {
 public:
  /// Enough for steps of up to `rows` rows of each of the programs, at positions up to `room`.
  template <class... P> void make([[maybe_unused]] Exec const& exec, int rows, int room) {
    std::size_t const per_row = std::size_t(std::max({plan_of<P>.work...}));
    work_ = floats("cria/work", per_row * std::size_t(rows));
    fixed_ = floats("cria/fixed", std::size_t(std::max({plan_of<P>.fixed...})));
    if constexpr (kernel::on_host<Exec>) {
      workers_ = kernel::concurrency_of(exec);
      detail::floats_needed most;
      for (int r = 1; r <= rows; ++r)
        for (int workers : {1, workers_})
          (detail::add_needed<P>(most, r, workers, room, std::make_integer_sequence<int, plan_of<P>.count>{}), ...);
      stride_ = (most.scratch + 31) / 32 * 32;  // workers don't share a line
      scratch_ = floats("cria/scratch", stride_ * std::size_t(workers_));
      shared_ = floats("cria/shared", most.shared);
    }
  }

  void bind(kernel::context& c) const {
    c.work = work_.data(), c.fixed = fixed_.data(), c.scratch = scratch_.data();
    c.shared = shared_.data(), c.scratch_stride = stride_, c.workers = workers_;
  }

  std::size_t bytes() const { return work_.bytes() + fixed_.bytes() + scratch_.bytes() + shared_.bytes(); }

 private:
  buffer<float, typename Exec::memory_space> work_, fixed_, scratch_, shared_;
  std::size_t stride_ = 0;
  int workers_ = 1;

  static auto floats(char const* label, std::size_t n) { return stream_buffer<float, Exec>(label, n); }
};

}  // namespace cria
