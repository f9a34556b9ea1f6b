#pragma once
// Tables of rotations, computed in f64 once: [position][size], cosine and sine of each pair.
#include <Kokkos_Core.hpp>
#include <cmath>

#include "cria/graph/program.hpp"
#include "cria/kernel/evaluate.hpp"

namespace cria {

/// The tables that program P needs, for `room` positions.
template <class Exec> class rotary_tables {
 public:
  using table = Kokkos::View<float**, Kokkos::LayoutRight, typename Exec::memory_space>;

  template <class P> void make(Exec const& exec, int room) {
    for (int i = 0; i < plan_of<P>.g.count; ++i) {
      node const& n = plan_of<P>.g.nodes[i];
      if (n.kind != op::rope || rotary_index(plan_of<P>.g, i) < count_) continue;
      table& t = tables_[count_++];
      t = table(Kokkos::view_alloc(exec, Kokkos::WithoutInitializing, "cria/rotary"), std::size_t(room), std::size_t(n.size));
      exec.fence();
      auto const staged = Kokkos::create_mirror_view(Kokkos::WithoutInitializing, Kokkos::HostSpace{}, t);
      for (int d = 0; d < n.size; d += 2) {
        double const frequency = std::pow(n.scalar, -double(d) / n.size);
        for (int p = 0; p < room; ++p) staged(p, d) = float(std::cos(p * frequency)), staged(p, d + 1) = float(std::sin(p * frequency));
      }
      Kokkos::deep_copy(exec, t, staged);
      exec.fence();
    }
  }

  void bind(kernel::context& c) const {
    for (int i = 0; i < count_; ++i) c.rotary[i] = tables_[i].data();
  }

 private:
  table tables_[max_rotations];
  int count_ = 0;
};

}  // namespace cria
