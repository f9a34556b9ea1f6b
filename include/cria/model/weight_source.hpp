#pragma once
// Where the writers take a model's weights from: rows of f32, a few at a time, or bytes as they lie in a file.
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cria/model/checkpoint.hpp"

namespace cria::llama2 {

/// The weights of a model by name and layer. Writers don't ask for the head of a tied model.
class weight_source {
 public:
  virtual ~weight_source() = default;

  /// `count` rows from `first` on into `to`, [count, w.cols]; rows of wq and wk in Meta's order (rotary pairs 2i, 2i +
  /// 1). Rows of one weight are asked for in order, once or several times.
  virtual void read_rows(weight_info const& w, int layer, int first, int count, std::span<float> to) const = 0;
  /// The weight where it lies in a file, to be copied as it is; else null.
  virtual detail::stored const* in_file(weight_info const&, int) const { return nullptr; }
  /// Nothing more will be asked of this weight.
  virtual void release(weight_info const&, int) const {}

  /// All values of a weight.
  std::vector<float> values(weight_info const& w, int layer) const {
    std::vector<float> all(std::size_t(w.rows) * std::size_t(w.cols));
    read_rows(w, layer, 0, w.rows, all);
    release(w, layer);
    return all;
  }
};

/// The weights of an open checkpoint.
class checkpoint_weights : public weight_source {
 public:
  explicit checkpoint_weights(checkpoint const& from) : from_(from) {}
  void read_rows(weight_info const& w, int layer, int first, int count, std::span<float> to) const override {
    from_.read_rows(w.name, layer, first, count, to);
  }
  detail::stored const* in_file(weight_info const& w, int layer) const override { return &from_.stored(w.name, layer); }
  void release(weight_info const& w, int layer) const override { from_.release(w.name, layer); }

 private:
  checkpoint const& from_;
};

inline checkpoint_weights weights_of(checkpoint const& from) { return checkpoint_weights(from); }

/// Weights that can only be had whole, as those of an engine: each is kept until it is released.
class whole_weights : public weight_source {
 public:
  using function = std::function<std::vector<float>(std::string_view name, int layer)>;
  explicit whole_weights(function read) : read_(std::move(read)) {}

  /// Throws cria::error for another number of values than the weight has.
  void read_rows(weight_info const& w, int layer, int first, int count, std::span<float> to) const override {
    auto const columns = std::size_t(w.cols), expected = std::size_t(w.rows) * columns;
    auto kept = kept_.find({w.name, layer});
    if (kept == kept_.end()) kept = kept_.emplace(std::pair(w.name, layer), read_(w.name, layer)).first;
    if (auto const found = kept->second.size(); found != expected) {
      kept_.erase(kept);
      throw error(fmt::format("{} of layer {}", w.name, layer), "number of values", std::to_string(expected),
                  std::to_string(found));
    }
    std::ranges::copy(std::span(kept->second).subspan(std::size_t(first) * columns, std::size_t(count) * columns),
                      to.begin());
  }
  void release(weight_info const& w, int layer) const override { kept_.erase({w.name, layer}); }

 private:
  function read_;
  mutable std::map<std::pair<std::string, int>, std::vector<float>> kept_{};
};

}  // namespace cria::llama2
