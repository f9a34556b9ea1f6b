#pragma once
// The weights of a model that is trained in part, to be written.
#include <map>
#include <string>
#include <utility>

#include "cria/model/export.hpp"
#include "cria/train/engine.hpp"

namespace cria::train {

/// Trained weights as `model` has them when they are asked for, the others from the file that it was opened with. Both must
/// stay.
inline llama2::weight_source trained_weights(engine const& model, llama2::checkpoint const& file) {
  std::map<std::pair<std::string, int>, std::size_t> trained;
  for (std::size_t i = 0; i < model.parameters().size(); ++i)
    if (auto const& p = model.parameters()[i]; p.trained) trained[{p.name, p.layer}] = i;
  return [&model, trained, frozen = llama2::weights_of(file)](std::string_view name, int layer) {
    auto const found = trained.find({std::string(name), layer});
    return found == trained.end() ? frozen(name, layer) : model.read(state::weight, found->second);
  };
}

}  // namespace cria::train
