#pragma once
// What a program needs of a compiled model: rows in, logits out. A program links with one translation unit that
// defines `open_engine` for one type of model, and itself knows neither the type nor Kokkos.
#include <memory>
#include <span>
#include <string>

namespace cria::llama2 {
class checkpoint;
}

namespace cria::infer {

/// One token at one place of one sequence. Rows of a sequence must come in the order of their positions, and every
/// earlier position of the sequence must have been given before.
struct row {
  int token, sequence, position;
};

enum class logits { none, last, all };

/// Figures of one decoded token, from the model's type (bytes of weights and cache read, floating-point operations).
struct token_cost {
  double weight_bytes, cache_bytes_per_position, flops, flops_per_position;
};

struct engine_options {
  int room = 0;       // positions of the kv cache for each sequence; 0: the model's context
  int sequences = 1;  // kv caches
  int rows = 256;     // most rows computed at once; longer inputs are cut, with the same bits
};

class engine {
 public:
  virtual ~engine() = default;
  virtual int vocabulary() const = 0;
  virtual int room() const = 0;
  virtual token_cost cost() const = 0;

  /// Writes the rows' keys and values into the cache and computes logits: of no row, of the last, or of all of them.
  /// Returns [rows asked for, vocabulary] f32, valid until the next call. Throws cria::error for a token or position
  /// out of range.
  virtual std::span<float const> forward(std::span<row const> rows, logits want) = 0;

  /// Sustained read bandwidth of this machine in bytes per second, measured on first use (some 0.1 s).
  virtual double read_bandwidth() = 0;

  /// f32 multiply-adds of this machine in floating-point operations per second, measured on each call (some 0.01 s).
  virtual double peak_flops() = 0;

  /// Threads (or a device's equivalent) that work on a step.
  virtual int concurrency() const = 0;
};

/// Packs the weights of `file` for the kernels of one model type. Throws cria::error when the file's shape is another.
/// Defined by the translation unit that instantiates the model.
std::unique_ptr<engine> open_engine(llama2::checkpoint const& file, engine_options const& options);

}  // namespace cria::infer
