#pragma once
// How many threads a step is worth: each must find a microsecond's work in a kernel, or waiting for each other costs more
// than sharing gains.
#include <algorithm>

#include "cria/graph/cost.hpp"
#include "cria/graph/program.hpp"

namespace cria {

/// The cost of a step of a model: its programs one after the other, the block `layers` times.
struct step_cost {
  kernel_cost all;
  int kernels;
};
template <class Embedding, class Block, class Head> constexpr step_cost cost_of_step(int layers) {
  constexpr dtype cache = Block::policy::cache::id;
  step_cost s{cost_of(plan_of<Embedding>, cache), plan_of<Embedding>.count + layers * plan_of<Block>.count + plan_of<Head>.count};
  s.all += cost_of(plan_of<Head>, cache);
  for (int layer = 0; layer < layers; ++layer) s.all += cost_of(plan_of<Block>, cache);
  return s;
}

/// Of `threads`, those that pay in a step of `rows` rows that reach back `reach` positions. Counts what one thread does in a
/// second as 16 GB from the caches and 64 GFLOP: less than fast cores do, so that a thread too many is the rarer mistake.
constexpr int workers_for(step_cost const& s, int threads, int rows, int reach) {
  int const seen = s.all.seen(reach);
  double const bytes = s.all.weight_bytes + double(rows) * seen * s.all.cache_bytes_per_position;
  double const flops = double(rows) * (s.all.flops_per_row + seen * s.all.flops_per_position);
  double const microseconds = bytes / 16e3 + flops / 64e3;
  return int(std::clamp(microseconds / s.kernels, 1.0, double(threads)));
}

}  // namespace cria
