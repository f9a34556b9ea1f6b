#pragma once
// What a program needs of a compiled model: rows in, logits out. A program links with a translation unit for each type of
// model that it runs, and itself knows neither the types nor Kokkos.
#include <algorithm>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "cria/core/error.hpp"

namespace cria::llama2 {
class weight_file;
}

namespace cria::infer {

/// One token at one place of one sequence. Rows of a sequence must come in the order of their positions, and every
/// earlier position of the sequence must have been given before.
struct row {
  int token, sequence, position;
};

/// How many of the last rows want logits.
enum class logits : int { none = 0, last = 1, all = 0x7fffffff };

/// Figures of one decoded token, from the model's type (bytes of weights and cache read, floating-point operations).
struct token_cost {
  double weight_bytes, cache_bytes_per_position, flops, flops_per_position;
};

/// The kv cache: sequences share pages, each of which holds the keys and values of `page` positions of one sequence.
struct cache_size {
  int sequences, pages, page;
};

/// What an engine makes room for. The kv cache is one piece of memory: of a host's, pages are taken when they are first used, but
/// more than there is can be refused at once; a device's is taken as a whole.
struct engine_options {
  int room = 0;       // most positions of a sequence; 0: the model's context
  int sequences = 1;  // that have a place in the kv cache
  int positions = 0;  // of the kv cache, for all sequences together; 0: sequences x room
  int rows = 256;     // most rows computed at once; longer inputs are cut, with the same bits
};

/// A model at work, whatever its type: rows in, logits out.
class engine {
 public:
  virtual ~engine() = default;
  /// How many tokens there are: logits of a row.
  virtual int vocabulary() const = 0;
  /// Most positions of a sequence.
  virtual int room() const = 0;
  /// How large the kv cache is.
  virtual cache_size cache() const = 0;
  /// What a token costs.
  virtual token_cost cost() const = 0;

  /// Writes the rows' keys and values into the cache and computes logits: of none, or of the last ones up to all of them.
  /// Returns [rows asked for, vocabulary] f32, valid until the next call. A row's logits are the same bits whatever rows are
  /// beside it. Throws cria::error for a token or position out of range, and when the cache is used up.
  virtual std::span<float const> forward(std::span<row const> rows, logits want) = 0;

  /// Sequence `to` begins anew with the first `positions` positions of `from`, which are kept once for both; with `from`
  /// itself the rest is forgotten. Throws cria::error when `from` has fewer.
  virtual void share(int from, int to, int positions) = 0;

  /// Forgets what a sequence holds in the cache.
  void release(int sequence) { share(sequence, sequence, 0); }

  /// Sustained read bandwidth of this machine in bytes per second, measured on first use (some 0.1 s).
  virtual double read_bandwidth() = 0;

  /// f32 multiply-adds of this machine in floating-point operations per second, measured on each call (some 0.01 s).
  virtual double peak_flops() = 0;

  /// Threads (or a device's equivalent) that work on a step.
  virtual int concurrency() const = 0;
};

/// One type of model that a program is linked with.
struct model_type {
  std::string_view policy;                  // "exact" or "fast"
  void (*check)(llama2::weight_file const&);  // throws cria::error when the file's shape or formats are others
  std::unique_ptr<engine> (*open)(llama2::weight_file const&, engine_options const&);
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

/// Packs the weights of `file` for the kernels of the type that it fits. Throws cria::error, naming a difference to the first
/// type, when it fits none.
inline std::unique_ptr<engine> open_engine(llama2::weight_file const& file, engine_options const& options) {
  auto const& types = model_types();
  if (types.empty()) throw error("open_engine", "the program was linked with no type of model");
  auto const fits = [&](model_type const& t) {
    try {
      return t.check(file), true;
    } catch (error const&) {
      return false;
    }
  };
  auto const found = std::find_if(types.begin(), types.end(), fits);
  return (found == types.end() ? types.front() : *found).open(file, options);  // which checks again, and throws
}

}  // namespace cria::infer
