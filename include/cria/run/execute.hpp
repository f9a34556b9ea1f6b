#pragma once
// The kernels of a program in order: launched one by one on an execution-space instance of the caller's, or by a crew.
#include <array>
#include <span>

#include "cria/graph/label.hpp"
#include "cria/kernel/fused.hpp"
#include "cria/run/crew.hpp"
#include "cria/run/host_loop.hpp"

namespace cria {

namespace detail {

template <class P, int G> inline constexpr label_text label = label_of(plan_of<P>, G);

template <class P, int G> kernel::fused<P, G> divided(kernel::context_of<P> const& c, int workers, bool host) {
  kernel::fused<P, G> f;
  f.c = c;
  f.divide(workers, host);
  return f;
}

/// A kernel as a host runs it, without its type: the loops over kernels are compiled once.
template <class Context> struct host_kernel {
  char const* label;
  int (*phases)(Context const&, int workers);  // none where there is nothing to do
  void (*work)(Context const&, int phase, int worker, int workers);  // what one worker does in a phase
};

template <class P, int G> int phases_on_host(kernel::context_of<P> const& c, int workers) {
  auto const f = divided<P, G>(c, workers, true);
  return f.pieces(0) == 0 ? 0 : f.phases();
}
template <class P, int G> void work_on_host(kernel::context_of<P> const& c, int phase, int worker, int workers) {
  divided<P, G>(c, workers, true).host_work(phase, worker, workers);
}

template <class P, class = std::make_integer_sequence<int, plan_of<P>.count>> struct host_kernels;
template <class P, int... G> struct host_kernels<P, std::integer_sequence<int, G...>> {
  using context = kernel::context_of<P>;
  static constexpr std::array<host_kernel<context>, sizeof...(G)> all{
      host_kernel<context>{label<P, G>.text, phases_on_host<P, G>, work_on_host<P, G>}...};
};

template <class Exec, class Context>
void launch_on_host(Exec const& exec, Context const& c, std::span<host_kernel<Context> const> kernels) {
  for (auto const& k : kernels)
    for (int phase = 0, phases = k.phases(c, c.workers); phase < phases; ++phase)
      host_loop(exec, k.label, c.workers, [&](int worker) { k.work(c, phase, worker, c.workers); });
}
template <class Context>
void work_in_crew(crew_member const& m, Context const& c, std::span<host_kernel<Context> const> kernels) {
  for (auto const& k : kernels)
    for (int phase = 0, phases = k.phases(c, m.count); phase < phases; ++phase) {
      k.work(c, phase, m.index, m.count);
      m.wait();
    }
}

/// A device takes all phases of a kernel at once, a team for each piece.
template <class P, class Exec, int... G>
void launch_on_device(Exec const& exec, kernel::context_of<P> const& c, std::integer_sequence<int, G...>) {
  auto const launch = [&](auto const& f, char const* name) {
    if (f.pieces(0) == 0) return;
    Kokkos::TeamPolicy<Exec> teams(exec, f.pieces(0), Kokkos::AUTO);
    Kokkos::parallel_for(name, teams.set_scratch_size(1, Kokkos::PerTeam(f.scratch_floats() * sizeof(float) + 64)), f);
  };
  (launch(divided<P, G>(c, c.workers, false), label<P, G>.text), ...);
}

}  // namespace detail

/// Runs the kernels of program P. Pointers in `c` must be reachable from `exec`, and a workspace bound; a device is not
/// waited for.
template <class P, class Exec> requires Kokkos::is_execution_space_v<Exec>
void execute(Exec const& exec, kernel::context_of<P> const& c) {
  if constexpr (kernel::on_host<Exec>)
    detail::launch_on_host<Exec, kernel::context_of<P>>(exec, c, detail::host_kernels<P>::all);
  else
    detail::launch_on_device<P>(exec, c, std::make_integer_sequence<int, plan_of<P>.count>{});
}

/// One worker's part of the kernels of program P; all workers of a crew call this.
template <class P> void execute(crew_member const& m, kernel::context_of<P> const& c) {
  detail::work_in_crew<kernel::context_of<P>>(m, c, detail::host_kernels<P>::all);
}

}  // namespace cria
