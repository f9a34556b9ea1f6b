#pragma once
// What logit_lens is told by lens_engine.cpp, the translation unit that holds the model's kernels.
#include <memory>
#include <span>

namespace cria::llama2 {
class weight_file;
}

namespace support {

/// A model whose residual stream is captured: after the embedding (depth 0) and after each layer.
class lens {
 public:
  virtual ~lens() = default;
  virtual int layers() const = 0;
  /// One pass over the tokens of one sequence.
  virtual void run(std::span<int const> tokens) = 0;
  /// What the last norm and the head make of the stream at a depth: [token, vocabulary], valid until the next call.
  virtual std::span<float const> logits(int depth) = 0;
};

/// Throws cria::error where the file holds another model than this program was compiled for.
std::unique_ptr<lens> open_lens(cria::llama2::weight_file const& file, int rows);

}  // namespace support
