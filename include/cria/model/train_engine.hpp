#pragma once
// The training engine of one type of model: train::engine on top of a trainer.
#include <memory>

#include "cria/model/decoder.hpp"
#include "cria/model/describe.hpp"
#include "cria/model/weight_file.hpp"
#include "cria/run/kokkos.hpp"
#include "cria/run/limits.hpp"
#include "cria/run/trainer.hpp"
#include "cria/train/engine.hpp"

namespace cria::llama2 {

template <class D, class Policy, class Keep = keep::dear, class Trained = train_weights::all,
          class Exec = Kokkos::DefaultExecutionSpace>
class train_engine final : public train::engine {
 public:
  /// With all weights 0.
  explicit train_engine(train::engine_options const& options, Exec const& exec = default_instance<Exec>())
      : train_engine(options, exec, zeros) {}

  /// With the weights of a file, in its formats: what is not trained stays as it is there. Throws cria::error where the
  /// file holds another model, or lacks an adapter.
  train_engine(weight_file const& file, train::engine_options const& options, Exec const& exec = default_instance<Exec>())
      : train_engine(options, exec, reader(file)) {}

  int vocabulary() const override { return trainer_type::vocabulary; }
  int context() const override { return trainer_.room(); }
  int most_rows() const override { return trainer_.most_rows(); }

  double accumulate(std::span<train::row const> rows) override { return trainer_.accumulate(rows); }
  double loss(std::span<train::row const> rows) override { return trainer_.loss(rows); }
  double update(train::adamw const& how) override {
    return trainer_.update({how.rate, how.beta1, how.beta2, how.epsilon, how.decay, how.clip, how.step});
  }

  std::span<train::parameter const> parameters() const override { return parameters_; }

  std::vector<float> read(train::state what, std::size_t index) const override {
    auto const& p = at(index);
    return unpacked(trainer_.space(), *trainer_.weights().find(p.name), values(what, p), p.layer);
  }
  void write(train::state what, std::size_t index, std::span<float const> given) override {
    auto const& p = at(index);
    std::size_t const expected = std::size_t(p.shape[0]) * std::size_t(p.shape[1]);
    if (given.size() != expected)
      throw error(p.name, "wrong number of values", std::to_string(expected), std::to_string(given.size()));
    if (what == train::state::weight) trainer_.set_weight(p.name, p.layer, given);
    else pack_into(trainer_.space(), *trainer_.weights().find(p.name), values(what, p), p.layer, given);
  }

  double flops_per_row() const override {
    double parameters = double(D::parameter_count) -
                        (D::variant::tied ? 0 : double(D::variant::vocabulary::extent) * D::variant::embed::extent);
    for (auto const& p : parameters_)
      if (p.shape[0] == 1) parameters -= p.shape[1];
    return 6 * parameters;
  }
  double flops_per_position() const override { return 3 * 4.0 * D::variant::query::extent * D::layers; }
  double peak_flops() override { return measure_peak_flops(trainer_.space()); }
  std::size_t bytes() const override { return trainer_.bytes(); }
  int concurrency() const override { return kernel::concurrency_of(trainer_.space()); }

 private:
  using trainer_type = trainer<D, Policy, Keep, Trained, Exec>;
  trainer_type trainer_;
  std::vector<train::parameter> parameters_;

  template <class Read> train_engine(train::engine_options const& options, Exec const& exec, Read const& read)
      : trainer_(exec, {options.rows, std::min(options.rows, D::variant::context)}, read, [](auto...) {}) {
    for (auto const& e : trainer_.weights().entries())
      for (int layer = 0; layer < e.layers; ++layer)
        parameters_.push_back({std::string(e.name), layer, {e.rows, e.cols}, trainer_.gradients().find(e.name) != nullptr});
  }
  static auto reader(weight_file const& file) {
    check_shape<D, Policy>(file.shape(), file.path());
    return [&file](std::string_view name, int layer) { return file.read(name, layer); };
  }

  struct no_bytes {
    std::vector<std::byte> bytes;
  };
  /// Weights before anybody has given them values.
  static no_bytes zeros(std::string_view name, int) {
    for (auto const& w : detail::weights_of<D, Policy>())
      if (w.name == name) return {std::vector<std::byte>(bytes_of(w.type.only(), std::size_t(w.rows) * std::size_t(w.cols)))};
    throw error(name, "no weight of this model");
  }

  train::parameter const& at(std::size_t index) const {
    if (index >= parameters_.size())
      throw error("parameter", "out of range", "fewer than " + std::to_string(parameters_.size()),
                  std::to_string(index));
    return parameters_[index];
  }
  float* values(train::state what, train::parameter const& p) const {
    auto const* const e = trainer_.gradients().find(p.name);
    if (e == nullptr) throw error(p.name, "is not trained");
    return what == train::state::weight ? e->weight() : what == train::state::first_moment ? e->first.data() : e->second.data();
  }
};

/// A training engine of decoder D for a program: initialises Kokkos where the caller has not.
template <class D, class Policy, class Keep>
std::unique_ptr<train::engine> make_train_engine(train::engine_options const& options) {
  initialise_kokkos();
  return std::make_unique<train_engine<D, Policy, Keep>>(options);
}

/// Decoder D in training, as one of a program's types.
template <class D, class Policy, class Keep = keep::dear> constexpr train::model_type trained_type_of() {
  return {facts(Policy::weights::of(nullptr).only()).name, &check_shape<D>, &make_train_engine<D, Policy, Keep>};
}

}  // namespace cria::llama2
