#pragma once
// Memory for what a stage captures. Kernels write there, nothing is copied; a stage that captures nothing has none.
#include <span>
#include <vector>

#include "cria/graph/program.hpp"
#include "cria/kernel/context.hpp"
#include "cria/run/memory.hpp"

namespace cria {

/// Memory for the captured values of program P: of each [layers][rows, cols] in f32.
template <class P, class Exec> class captures {
 public:
  /// Which of the program's captures Tag names, or -1.
  template <class Tag>
  static constexpr int index() {
    graph const& g = plan_of<P>.g;
    for (int i = 0; i < g.capture_count; ++i)
      if (g.symbols[g.captures[i].symbol].key == &key_of<Tag>) return i;
    return -1;
  }
  /// Which of them is the stage's result, or -1.
  static constexpr int result() {
    for (int i = 0; i < plan_of<P>.g.capture_count; ++i)
      if (plan_of<P>.g.captures[i].at == 0) return i;
    return -1;
  }
  static constexpr int cols(int i) { return plan_of<P>.g.nodes[plan_of<P>.g.outputs[plan_of<P>.g.captures[i].at]].cols; }

  void make(int layers, int rows) {
    rows_ = rows;
    for (int i = 0; i < plan_of<P>.g.capture_count; ++i)
      at_.push_back(stream_buffer<float, Exec>("cria/captured", std::size_t(layers) * std::size_t(rows) * std::size_t(cols(i))));
  }
  /// [row, cols] of capture i in a layer.
  float* at(int i, int layer) const {
    return at_[std::size_t(i)].data() + std::size_t(layer) * std::size_t(rows_) * std::size_t(cols(i));
  }

  void bind(kernel::context& c, int layer) const {
    for (int i = 0; i < plan_of<P>.g.capture_count; ++i) c.out[plan_of<P>.g.captures[i].at] = at(i, layer);
  }

 private:
  std::vector<buffer<float, typename Exec::memory_space>> at_;
  int rows_ = 0;
};

}  // namespace cria
