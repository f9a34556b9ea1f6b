// expect: evaluate: the arrays must be in memory that the execution space can reach
#include "bound.hpp"

using namespace cria;

/// Memory of a device, as far as Kokkos knows.
struct far_away : Kokkos::HostSpace {
  using memory_space = far_away;
};
namespace Kokkos::Impl {
template <> struct MemorySpaceAccess<Kokkos::HostSpace, far_away> {
  enum : bool { assignable = false, accessible = false, deepcopy = false };
};
}  // namespace Kokkos::Impl

void from_far_away(bound_array<tokens, rows, float, far_away> x, host_view<float**> w, host_view<float**> y) {
  evaluate<product>(exec(), x, bound<w1, F, E>(w), bound<tokens, F>(y));
}
