#pragma once
// Memory for what programs compute and don't keep: per row, once, and for each worker of a host. One for all programs that
// don't run at the same time.
#include <algorithm>
#include <string>

#include "cria/kernel/fused.hpp"

namespace cria {

namespace detail {

template <class P, int... G> std::size_t most_scratch(int rows, std::integer_sequence<int, G...>) {
  auto const of = [&](auto f) {
    f.c.rows = rows;
    return f.scratch_floats();
  };
  return std::max({std::size_t(0), of(kernel::fused<P, G>{})...});
}

}  // namespace detail

template <class Exec> class workspace {
 public:
  /// Enough for steps of up to `rows` rows of each of the programs.
  template <class... P> void make(Exec const& exec, int rows) {
    std::size_t const per_row = std::size_t(std::max({plan_of<P>.work...}));
    work_ = floats(exec, per_row * std::size_t(rows));
    fixed_ = floats(exec, std::size_t(std::max({plan_of<P>.fixed...})));
    if constexpr (kernel::on_host<Exec>) {
      workers_ = exec.concurrency();
      stride_ = std::max({detail::most_scratch<P>(rows, std::make_integer_sequence<int, plan_of<P>.count>{})...});
      stride_ = (stride_ + 31) / 32 * 32;  // workers don't share a line
      scratch_ = floats(exec, stride_ * std::size_t(workers_));
    }
    exec.fence();
  }

  void bind(kernel::context& c) const {
    c.work = work_.data(), c.fixed = fixed_.data(), c.scratch = scratch_.data();
    c.scratch_stride = stride_, c.workers = workers_;
  }

 private:
  using buffer = Kokkos::View<float*, typename Exec::memory_space>;
  buffer work_, fixed_, scratch_;
  std::size_t stride_ = 0;
  int workers_ = 1;

  static buffer floats(Exec const& exec, std::size_t n) {
    return buffer(Kokkos::view_alloc(exec, Kokkos::WithoutInitializing, "cria/workspace"), n);
  }
};

}  // namespace cria
