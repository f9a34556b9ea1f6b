#pragma once
// Loops over the threads of a host. Kokkos' launch is a template of what it calls, half a second of the compiler's for each;
// here it is instantiated once for every execution space.
#include <Kokkos_Core.hpp>

#include "cria/kernel/team.hpp"

namespace cria {

namespace detail {

struct host_task {
  void const* work;
  void (*call)(void const* work, int i);
  void operator()(int i) const { call(work, i); }
};

template <class Exec> void launch(Exec const& exec, char const* label, int count, host_task const& task) {
  Kokkos::parallel_for(label, Kokkos::RangePolicy<Exec>(exec, 0, count), task);
  exec.fence(label);
}

}  // namespace detail

/// Calls work(i) for i = 0 .. count - 1 on the threads of a host's execution space, and waits.
template <class Exec, class Work> void host_loop(Exec const& exec, char const* label, int count, Work const& work) {
  detail::launch(exec, label, count, {&work, [](void const* w, int i) { (*static_cast<Work const*>(w))(i); }});
}

/// The same on any execution space; a device is not waited for.
template <class Exec, class Work> void loop(Exec const& exec, char const* label, int count, Work const& work) {
  if constexpr (kernel::on_host<Exec>) host_loop(exec, label, count, work);
  else Kokkos::parallel_for(label, Kokkos::RangePolicy<Exec>(exec, 0, count), work);
}

}  // namespace cria
