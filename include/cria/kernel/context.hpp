#pragma once
// The run-time numbers and pointers of one step; nothing else differs between a prompt and one token, or between layers.
#include <cstddef>
#include <type_traits>

#include "cria/graph/plan.hpp"

namespace cria::kernel {

/// The packed weights of a program, in the order of its nodes; each holds layer after layer.
struct weight_pointers {
  std::byte const* at[graph::symbol_capacity] = {};
};

/// The rows of a step in the order of what chooses rows of an embedding, and where in that order each different one
/// begins, and one past the last.
struct row_groups {
  int const *order = nullptr, *begins = nullptr;
  int count = 0;
};

struct context {
  float const* in[graph::input_capacity] = {};  // [row, cols]
  float* out[graph::output_capacity] = {};      // [row, cols]; of a weight's gradient [layer][packed like the weight], added to
  weight_pointers weight;
  // Caches: [layer, page, kv head], then 64 positions: values [64, size] and keys [4, size, 16]; `page` says where those of a
  // sequence are: [sequence, pages_of_sequence].
  std::byte *keys[max_attentions] = {}, *values[max_attentions] = {};
  int const* page = nullptr;
  int pages = 0, pages_of_sequence = 0;
  float const* rotary[max_rotations] = {};      // [position, size]: cosine and sine of each pair
  float *work = nullptr, *fixed = nullptr;      // workspace: per row, and once
  float* shared = nullptr;                      // host: what the workers of a kernel make for each other
  float* scratch = nullptr;                     // host: of each worker, `scratch_stride` floats; devices have their own
  std::size_t scratch_stride = 0;
  int workers = 1;                              // host: threads that share the pieces of a kernel
  int const *token = nullptr, *sequence = nullptr, *position = nullptr, *target = nullptr;  // of each row
  int const* begins = nullptr;  // training: the rows where a sequence begins, and one past the last
  int sequences = 0;
  row_groups by_token, by_position;
  int rows = 0, layer = 0;
  int reach = 0;  // one more than the largest position
};

/// Elements from one row of a caller's array to the next, and from one column to the next.
struct strides {
  std::ptrdiff_t row = 0, col = 0;
};

/// The same for a program whose input, weights and result are arrays of the caller's, wherever their elements lie.
struct context_in_place : context {
  strides input, output, weights[graph::symbol_capacity];
};
template <class P> inline constexpr bool in_place = requires { requires P::in_place; };
template <class P> using context_of = std::conditional_t<in_place<P>, context_in_place, context>;

}  // namespace cria::kernel
