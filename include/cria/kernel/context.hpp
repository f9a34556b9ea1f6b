#pragma once
// The run-time numbers and pointers of one step; nothing else differs between a prompt and one token, or between layers.
#include <cstddef>

#include "cria/graph/plan.hpp"

namespace cria::kernel {

/// The packed weights of a program, in the order of its nodes; each holds layer after layer.
struct weight_pointers {
  std::byte const* at[graph::symbol_capacity] = {};
};

struct context {
  float const* in[2] = {};                      // [row, cols]
  float* out[graph::output_capacity] = {};      // [row, cols], or shaped like a weight
  weight_pointers weight;
  // Caches: [layer, sequence, kv head], then values [room, size] and keys [room / 16, size, 16].
  std::byte *keys[max_attentions] = {}, *values[max_attentions] = {};
  float const* rotary[max_rotations] = {};      // [position, size]: cosine and sine of each pair
  float *work = nullptr, *fixed = nullptr;      // workspace: per row, and once
  float* scratch = nullptr;                     // host: of each worker, `scratch_stride` floats; devices have their own
  std::size_t scratch_stride = 0;
  int workers = 1;                              // host: threads that share the pieces of a kernel
  int const *token = nullptr, *sequence = nullptr, *position = nullptr;  // of each row
  int rows = 0, layer = 0, room = 0, sequences = 1;  // room: positions of a cache, a multiple of 16
};

}  // namespace cria::kernel
