#pragma once
// Tables of rotations, computed in f64 once: [position][size], cosine and sine of each pair.
#include <cmath>
#include <vector>

#include "cria/graph/program.hpp"
#include "cria/kernel/evaluate.hpp"
#include "cria/run/copy.hpp"
#include "cria/run/memory.hpp"

namespace cria {

/// The tables that program P needs, for `room` positions.
template <class Exec> class rotary_tables {
 public:
  template <class P> void make(Exec const& exec, int room) {
    for (count_ = 0; count_ < plan_of<P>.g.rotation_count; ++count_) {
      head_rotation const& n = plan_of<P>.g.rotations[count_];
      auto& t = tables_[count_];
      t = {"cria/rotary", std::size_t(room) * std::size_t(n.size)};
      std::vector<float> staged(t.size());
      for (int d = 0; d < n.size; d += 2) {
        double const turn = frequency(n.turn, d, n.size);
        for (int p = 0; p < room; ++p) {
          float* const pair = &staged[std::size_t(p) * std::size_t(n.size) + std::size_t(d)];
          pair[0] = float(std::cos(p * turn)), pair[1] = float(std::sin(p * turn));
        }
      }
      copy_in(exec, t.data(), staged.data(), staged.size());
      exec.fence();
    }
  }

  void bind(kernel::context& c) const {
    for (int i = 0; i < count_; ++i) c.rotary[i] = tables_[i].data();
  }

 private:
  buffer<float, typename Exec::memory_space> tables_[max_rotations];  // [position, size]
  int count_ = 0;
};

}  // namespace cria
