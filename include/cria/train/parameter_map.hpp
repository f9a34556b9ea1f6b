#pragma once
// Which of an engine's parameters is which weight of a Llama.
#include <array>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/model/export.hpp"
#include "cria/train/engine.hpp"

namespace cria::train::detail {

/// Where an engine's parameters are among a Llama's weights. Throws cria::error unless there is one of the right shape
/// for each.
class parameter_map {
 public:
  parameter_map(engine const& model, llama2::hyperparameters const& h, std::string_view where)
      : parameters_(model.parameters()) {
    for (std::size_t i = 0; i < parameters_.size(); ++i) index_[{parameters_[i].name, parameters_[i].layer}] = i;
    auto const places = llama2::places_of(h);
    for (auto const& [w, layer] : places) {
      auto const found = index_.find({w.name, layer});
      std::array const expected{w.rows, w.cols};
      auto const what = fmt::format("{} of layer {}", w.name, layer);
      if (found == index_.end()) throw error(where, what, "a parameter of the model", "none");
      if (auto const shape = parameters_[found->second].shape; shape != expected)
        throw error(where, what, fmt::format("[{}, {}]", expected[0], expected[1]),
                    fmt::format("[{}, {}]", shape[0], shape[1]));
    }
    if (index_.size() != places.size() || index_.size() != parameters_.size())
      throw error(where, "number of parameters", std::to_string(places.size()), std::to_string(parameters_.size()));
  }

  std::size_t index(std::string_view name, int layer) const { return index_.at({std::string(name), layer}); }
  parameter const& at(std::string_view name, int layer) const { return parameters_[index(name, layer)]; }

 private:
  std::span<parameter const> parameters_;
  std::map<std::pair<std::string, int>, std::size_t> index_;
};

}  // namespace cria::train::detail
