#pragma once
// The engine for a shape, of the types that a program was linked with.
#include <algorithm>
#include <memory>
#include <string_view>

#include "cria/core/error.hpp"
#include "cria/model/hyperparameters.hpp"
#include "cria/train/engine.hpp"

namespace cria::train {

/// Throws cria::error when there is no type for these weights ("f32" or "bf16"), and, naming a difference to the first,
/// when none has this shape. `where` is the shape's file.
inline std::unique_ptr<engine> open_engine(llama2::hyperparameters const& shape, std::string_view where,
                                           std::string_view weights, engine_options const& options) {
  model_type const* first = nullptr;
  for (auto const& type : model_types()) {
    if (type.weights != weights) continue;
    if (!first) first = &type;
    try {
      type.check(shape, where);
    } catch (error const&) {
      continue;
    }
    return type.open(options);
  }
  if (!first)
    throw error("--weights", "this program was compiled for others",
                model_types().empty() ? "" : model_types()[0].weights, weights);
  return first->check(shape, where), first->open(options);  // throws
}

}  // namespace cria::train
