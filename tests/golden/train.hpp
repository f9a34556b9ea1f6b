#pragma once
// The golden case train/: the same first weights and batches lead to the same losses and last weights as in the reference.
#include "cria/model/train_engine.hpp"
#include "difference.hpp"
#include "rotary_pairs.hpp"
#include "support/kokkos.hpp"
#include "support/paths.hpp"

namespace cria::test {

/// The name of a parameter in Hugging Face's layout, and its values in the order of rotary pairs there and here.
template <class D> struct golden_parameter {
  std::string name;
  int cols;
  bool rotates;

  explicit golden_parameter(train::parameter const& p)
      : name(llama2::detail::hugging_face_name(llama2::weight_name(llama2::index_of(p.name)), p.layer)), cols(p.shape[1]), rotates(p.name == "wq" || p.name == "wk") {}
  std::vector<float> to_file(std::vector<float> x) const { return rotates ? halves_paired(x, cols, D::variant::query::size) : x; }
  std::vector<float> from_file(std::vector<float> x) const { return rotates ? neighbours_paired(x, cols, D::variant::query::size) : x; }
};

inline io::safetensors training_file(char const* name) { return io::safetensors(io::mapped_file((golden("train") / name).string())); }

template <class D, class Policy> void check_training() {
  auto const folder = golden("train");
  auto const log = read_json(folder / "log.json");
  auto const& h = log.at("hyperparameters");
  io::safetensors const first = training_file("initial.safetensors"), last = training_file("final.safetensors"), file = training_file("tokens.safetensors");
  auto const tokens = file.values<std::int32_t>("tokens");  // [step, batch, context + 1]
  int const steps = h.at("steps"), batch = h.at("batch"), context = h.at("context");
  REQUIRE(file.tensor("tokens")->shape == std::vector<std::uint64_t>{std::uint64_t(steps), std::uint64_t(batch), std::uint64_t(context) + 1});

  llama2::train_engine<D, Policy> engine({.rows = batch * context}, space_of(2));
  REQUIRE(engine.parameters().size() == first.tensors().size());
  for (std::size_t i = 0; i < engine.parameters().size(); ++i) {
    golden_parameter<D> const p(engine.parameters()[i]);
    engine.write(train::state::weight, i, p.from_file(first.values<float>(p.name)));
  }
  std::vector<train::row> rows;
  for (int step = 0; step < steps; ++step) {
    rows.clear();
    for (int s = 0; s < batch; ++s)
      for (int p = 0; p < context; ++p) {
        auto const* const at = tokens.data() + (std::size_t(step) * std::size_t(batch) + std::size_t(s)) * std::size_t(context + 1) + p;
        rows.push_back({at[0], s, p, at[1], 1.0f / float(batch * context)});
      }
    INFO("step " << step + 1);
    CHECK(std::abs(engine.accumulate(rows) - log.at("loss")[std::size_t(step)].get<double>()) < (step < 12 ? 2e-6 : 2.3e-4));
    double const norm = engine.update({.rate = log.at("rate")[std::size_t(step)], .beta1 = h.at("beta1"), .beta2 = h.at("beta2"), .epsilon = h.at("eps"),
                                       .decay = h.at("weight_decay"), .clip = h.at("clip"), .step = step + 1});
    double const expected = log.at("gradient_norm")[std::size_t(step)];
    CHECK(std::abs(norm - expected) < 1.4e-3 * expected);
  }
  for (std::size_t i = 0; i < engine.parameters().size(); ++i) {
    golden_parameter<D> const p(engine.parameters()[i]);
    INFO(p.name);
    CHECK(largest_difference(p.to_file(engine.read(train::state::weight, i)), last.values<float>(p.name)) < 4e-5);
  }
}

}  // namespace cria::test
