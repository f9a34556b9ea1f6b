#pragma once
// The kernels of a program in order: launched one by one on an execution-space instance of the caller's, or by a crew.
#include <algorithm>

#include "cria/graph/label.hpp"
#include "cria/kernel/fused.hpp"
#include "cria/run/crew.hpp"

namespace cria {

namespace detail {

template <class P, int G> inline constexpr label_text label = label_of(plan_of<P>, G);

template <class P, int G> kernel::fused<P, G> divided(kernel::context_of<P> const& c, int workers, bool host) {
  kernel::fused<P, G> f;
  f.c = c;
  f.divide(workers, host);
  return f;
}

/// A phase of a kernel on a host, without the kernel's type: Kokkos' launch is instantiated once for all of them.
struct host_phase {
  void const* kernel;
  void (*work)(void const* kernel, int phase, int worker, int workers);
  int phase, workers;
  void operator()(int worker) const { work(kernel, phase, worker, workers); }
};
template <class Kernel> void work_on_host(void const* kernel, int phase, int worker, int workers) {
  static_cast<Kernel const*>(kernel)->host_work(phase, worker, workers);
}
template <class Exec> void launch_on_host(Exec const& exec, char const* label, host_phase const& f) {
  Kokkos::parallel_for(label, Kokkos::RangePolicy<Exec>(exec, 0, f.workers), f);
  exec.fence(label);
}

template <class P, int G, class Exec> void launch(Exec const& exec, kernel::context_of<P> const& c) {
  constexpr bool host = kernel::on_host<Exec>;
  auto const f = divided<P, G>(c, c.workers, host);
  for (int phase = 0; phase < f.phases(); ++phase) {
    int const pieces = f.pieces(phase);
    if (pieces == 0) continue;
    if constexpr (host) {
      launch_on_host(exec, label<P, G>.text, {&f, &work_on_host<kernel::fused<P, G>>, phase, std::min(c.workers, pieces)});
    } else {
      Kokkos::TeamPolicy<Exec> teams(exec, pieces, Kokkos::AUTO);
      Kokkos::parallel_for(label<P, G>.text,
                           teams.set_scratch_size(1, Kokkos::PerTeam(f.scratch_floats() * sizeof(float) + 64)), f);
    }
  }
}

template <class P, int G> void work_in_crew(crew_member const& m, kernel::context_of<P> const& c) {
  auto const f = divided<P, G>(c, m.count, true);
  for (int phase = 0; phase < f.phases(); ++phase) {
    f.host_work(phase, m.index, m.count);
    m.wait();
  }
}

template <class P, class Exec, int... G>
void launch_all(Exec const& exec, kernel::context_of<P> const& c, std::integer_sequence<int, G...>) {
  (launch<P, G>(exec, c), ...);
}
template <class P, int... G>
void work_all(crew_member const& m, kernel::context_of<P> const& c, std::integer_sequence<int, G...>) {
  (work_in_crew<P, G>(m, c), ...);
}

}  // namespace detail

/// Runs the kernels of program P. Pointers in `c` must be reachable from `exec`, and a workspace bound; a device is not
/// waited for.
template <class P, class Exec> requires Kokkos::is_execution_space_v<Exec>
void execute(Exec const& exec, kernel::context_of<P> const& c) {
  detail::launch_all<P>(exec, c, std::make_integer_sequence<int, plan_of<P>.count>{});
}

/// One worker's part of the kernels of program P; all workers of a crew call this.
template <class P> void execute(crew_member const& m, kernel::context_of<P> const& c) {
  detail::work_all<P>(m, c, std::make_integer_sequence<int, plan_of<P>.count>{});
}

}  // namespace cria
