#pragma once
// Launches: the kernels of a program in order, on an execution-space instance of the caller's.
#include <algorithm>

#include "cria/graph/label.hpp"
#include "cria/kernel/fused.hpp"

namespace cria {

namespace detail {

template <class P, int G> inline constexpr label_text label = label_of(plan_of<P>, G);

template <class P, int G, class Exec> void launch(Exec const& exec, kernel::context const& c) {
  kernel::fused<P, G> f;
  f.c = c;
  f.divide(c.workers, kernel::on_host<Exec>);
  int const pieces = f.pieces();
  if (pieces == 0) return;
  if constexpr (kernel::on_host<Exec>) {
    int const workers = std::min(c.workers, pieces);
    Kokkos::parallel_for(label<P, G>.text, Kokkos::RangePolicy<Exec>(exec, 0, workers), kernel::fused_on_host<P, G>{f, workers});
  } else {
    Kokkos::TeamPolicy<Exec> teams(exec, pieces, Kokkos::AUTO);
    Kokkos::parallel_for(label<P, G>.text, teams.set_scratch_size(1, Kokkos::PerTeam(f.scratch_floats() * sizeof(float) + 64)), f);
  }
}

template <class P, class Exec, int... G>
void launch_all(Exec const& exec, kernel::context const& c, std::integer_sequence<int, G...>) {
  (launch<P, G>(exec, c), ...);
}

}  // namespace detail

/// Runs the kernels of program P. Pointers in `c` must be reachable from `exec`, and a workspace bound; nothing is waited for.
template <class P, class Exec> void execute(Exec const& exec, kernel::context const& c) {
  detail::launch_all<P>(exec, c, std::make_integer_sequence<int, plan_of<P>.count>{});
}

}  // namespace cria
