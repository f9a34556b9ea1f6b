#pragma once
// What training needs of a compiled model: rows with targets in, losses and better weights out. A program links with a
// translation unit for each type of model that it trains, and itself knows neither the types nor Kokkos.
#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cria/core/error.hpp"

namespace cria::llama2 {
struct hyperparameters;
}

namespace cria::train {

/// One token at one place of one sequence, and the token that should come after it. `weight` is the share of this row's
/// cross-entropy in the loss: 0 for a prompt's, 1 / rows for the mean. Rows of a sequence follow each other, from
/// position 0 on; rows see those of their own sequence alone.
struct row {
  int token, sequence, position, target;
  float weight;
};

/// One step of AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101): the gradient is scaled down to norm `clip` where
/// it is larger, matrices decay by rate * decay, norms don't. `step` counts from 1.
struct adamw {
  double rate, beta1 = 0.9, beta2 = 0.95, epsilon = 1e-5, decay = 0.1, clip = 1.0;
  long step = 1;
};

/// One layer of a weight by its name in the library: a matrix [out, in], or a vector [1, width].
struct parameter {
  std::string name;
  int layer;
  std::array<int, 2> shape;
  bool trained;
};

/// What is kept for each value of a parameter.
enum class state { weight, first_moment, second_moment };

/// What an engine makes room for.
struct engine_options {
  int rows = 1024;  // most rows of one pass
};

/// A model in training, whatever its type. Weights are f32 outside; gradients stay within.
class engine {
 public:
  virtual ~engine() = default;
  /// How many tokens there are.
  virtual int vocabulary() const = 0;
  /// Most positions of a sequence.
  virtual int context() const = 0;
  /// Most rows of one pass.
  virtual int most_rows() const = 0;

  /// Forward and backward: adds to the gradients those of the returned sum, that of weight * -log p(target) over the
  /// rows. Throws cria::error for numbers out of range and for rows that are not whole sequences.
  virtual double accumulate(std::span<row const> rows) = 0;

  /// The same sum, and nothing else.
  virtual double loss(std::span<row const> rows) = 0;

  /// Changes the trained weights by the gradients gathered since the last update, and forgets these. Returns the
  /// gradients' norm before clipping; where that is not finite, nothing is changed.
  virtual double update(adamw const& how) = 0;

  /// All weights, layer after layer of each, whether they are trained or not.
  virtual std::span<parameter const> parameters() const = 0;
  /// The values of parameter `index`, f32, row after row (rows of wq and wk in Meta's order of rotary pairs).
  virtual std::vector<float> read(state what, std::size_t index) const = 0;
  /// Gives it other values, in the same order. Throws cria::error for another number of them.
  virtual void write(state what, std::size_t index, std::span<float const> values) = 0;

  /// Floating-point operations of a row in forward and backward without what is computed twice (6 for each value of the
  /// matrices, the head once and the embedding not), and for each position that the row sees.
  virtual double flops_per_row() const = 0;
  virtual double flops_per_position() const = 0;
  /// f32 multiply-adds of this machine in floating-point operations per second, measured on each call (some 0.01 s).
  virtual double peak_flops() = 0;
  /// Bytes that weights, gradients, moments, kept values and workspace take.
  virtual std::size_t bytes() const = 0;
  /// Threads (or a device's equivalent) that work on a step.
  virtual int concurrency() const = 0;
};

/// One type of model that a program is linked with. `check` throws cria::error when the shape is another.
struct model_type {
  std::string_view weights;  // "f32" or "bf16"
  void (*check)(llama2::hyperparameters const&, std::string_view where);
  std::unique_ptr<engine> (*open)(engine_options const&);
};

/// All of them.
inline std::vector<model_type>& model_types() {
  static std::vector<model_type> types;
  return types;
}

/// For the translation unit that holds a type, before main.
inline bool add_model_type(model_type const& type) {
  model_types().push_back(type);
  return true;
}

}  // namespace cria::train
