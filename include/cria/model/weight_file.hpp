#pragma once
// What an engine needs of a checkpoint. Kernels are compiled against this, and not against parsers of files.
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cria/model/hyperparameters.hpp"

namespace cria::llama2 {

/// The bytes of one weight, row after row, without alignment. shape is [out, in]; of a vector [1, values].
struct weight_values {
  weight_values(dtype f, std::array<int, 2> s, std::span<std::byte const> mapped) : format(f), shape(s), bytes(mapped) {}
  weight_values(dtype f, std::array<int, 2> s, std::vector<std::byte> made)
      : format(f), shape(s), owned(std::move(made)), bytes(owned) {}
  weight_values(weight_values&&) = default;  // moving a vector leaves its bytes where they are
  weight_values& operator=(weight_values&&) = default;

  dtype format;
  std::array<int, 2> shape;
  std::vector<std::byte> owned;      // empty where `bytes` lies in the file
  std::span<std::byte const> bytes;  // valid as long as the file and this weight
};

/// A model's shape and weights, wherever they are.
class weight_file {
 public:
  virtual ~weight_file() = default;

  virtual hyperparameters const& shape() const = 0;
  virtual std::string const& path() const = 0;

  /// The weight in format shape().format_of(name), of several in the one that the layer has, vectors f32; rows of wq
  /// and wk in Meta's order (rotary pairs 2i, 2i+1). `layer` is 0 for weights that exist once; a tied head is the
  /// embedding.
  virtual weight_values read(std::string_view name, int layer = 0) const = 0;

  /// Lets go of what holds the weight in memory; reading it again brings it back.
  virtual void release(std::string_view name, int layer = 0) const = 0;
};

}  // namespace cria::llama2
