#pragma once
// Kokkos is the caller's: whether it is at work, and for programs that don't see it, its beginning and end.
#include <Kokkos_Core.hpp>
#include <cstdlib>

#include "cria/core/error.hpp"

namespace cria {

/// Throws where Kokkos is not initialised, or finalised already: what comes next would end the program.
inline void require_kokkos(std::string_view where) {
  if (!Kokkos::is_initialized())
    detail::refuse(where, "Kokkos is not at work", "a call between its initialize and finalize",
           Kokkos::is_finalized() ? "one after finalize" : "one before initialize");
}

/// A region that Kokkos' tools see while it lives. ScopedRegion takes a std::string, whose making each caller would compile.
class profiling_region {
 public:
  [[gnu::noinline]] explicit profiling_region(std::string_view name) { Kokkos::Profiling::pushRegion(std::string(name)); }
  profiling_region(profiling_region const&) = delete;
  ~profiling_region() { Kokkos::Profiling::popRegion(); }
};

/// The default instance of an execution space. Throws as require_kokkos, where Kokkos' own constructor would end the program.
template <class Exec> Exec default_instance() { return require_kokkos(Exec::name()), Exec(); }

/// Initialises Kokkos where the caller has not, until the program ends. Throws where it is finalised: it begins only once.
inline void initialise_kokkos() {
  if (Kokkos::is_finalized()) require_kokkos("initialise_kokkos");
  if (Kokkos::is_initialized()) return;
  Kokkos::initialize(Kokkos::InitializationSettings().set_disable_warnings(true));
  std::atexit([] {
    if (Kokkos::is_initialized()) Kokkos::finalize();
  });
}

}  // namespace cria
