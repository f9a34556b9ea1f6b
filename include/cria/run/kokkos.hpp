#pragma once
// Kokkos for programs that don't see it.
#include <Kokkos_Core.hpp>
#include <cstdlib>

namespace cria {

/// Initialises Kokkos where the caller has not, until the program ends.
inline void initialise_kokkos() {
  if (Kokkos::is_initialized()) return;
  Kokkos::initialize(Kokkos::InitializationSettings().set_disable_warnings(true));
  std::atexit([] { Kokkos::finalize(); });
}

}  // namespace cria
