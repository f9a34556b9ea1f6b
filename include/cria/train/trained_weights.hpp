#pragma once
// The weights of a model that is trained in part, to be written.
#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "cria/model/weight_source.hpp"
#include "cria/train/engine.hpp"

namespace cria::train {

/// Trained weights as `model` has them when they are asked for, the others from the file that it was opened with. Both must
/// stay.
class trained_weights final : public llama2::weight_source {
 public:
  trained_weights(engine const& model, llama2::checkpoint const& file)
      : trained_([&](std::string_view name, int layer) {
          return model.read(state::weight, index_.at({std::string(name), layer}));
        }),
        frozen_(file) {
    auto const all = model.parameters();
    for (std::size_t i = 0; i < all.size(); ++i)
      if (all[i].trained) index_[{all[i].name, all[i].layer}] = i;
  }
  trained_weights(trained_weights const&) = delete;
  trained_weights& operator=(trained_weights const&) = delete;

  void read_rows(llama2::weight_info const& w, int layer, int first, int count, std::span<float> to) const override {
    source(w, layer).read_rows(w, layer, first, count, to);
  }
  llama2::detail::stored const* in_file(llama2::weight_info const& w, int layer) const override {
    return source(w, layer).in_file(w, layer);
  }
  void release(llama2::weight_info const& w, int layer) const override { source(w, layer).release(w, layer); }

 private:
  std::map<std::pair<std::string, int>, std::size_t> index_;
  llama2::whole_weights trained_;
  llama2::checkpoint_weights frozen_;

  llama2::weight_source const& source(llama2::weight_info const& w, int layer) const {
    if (index_.contains({w.name, layer})) return trained_;
    return frozen_;
  }
};

}  // namespace cria::train
