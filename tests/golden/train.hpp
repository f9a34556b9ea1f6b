#pragma once
// The golden case train/: the same first weights and batches lead to the same losses and last weights as in the reference.
#include "trained.hpp"

namespace cria::test {

template <class D, class Policy> void check_training() {
  auto const folder = golden("train");
  auto const log = read_json(folder / "log.json");
  auto const& h = log.at("hyperparameters");
  io::safetensors const first = golden_file("train", "initial"), last = golden_file("train", "final"),
                        file = golden_file("train", "tokens");
  auto const tokens = file.values<std::int32_t>("tokens");  // [step, batch, context + 1]
  int const steps = h.at("steps"), batch = h.at("batch"), context = h.at("context");
  REQUIRE(file.tensor("tokens")->shape ==
          std::vector<std::uint64_t>{std::uint64_t(steps), std::uint64_t(batch), std::uint64_t(context) + 1});

  llama2::train_engine<D, Policy> engine({.rows = batch * context}, space_of(2));
  REQUIRE(engine.parameters().size() == first.tensors().size());
  for (std::size_t i = 0; i < engine.parameters().size(); ++i) {
    auto const& given = engine.parameters()[i];
    golden_parameter<D> const p(given.name, given.layer, given.shape[1]);
    engine.write(train::state::weight, i, p.from_file(first.values<float>(p.name)));
  }
  std::vector<train::row> rows;
  for (int step = 0; step < steps; ++step) {
    rows.clear();
    for (int s = 0; s < batch; ++s)
      for (int p = 0; p < context; ++p) {
        auto const* const at =
            tokens.data() + (std::size_t(step) * std::size_t(batch) + std::size_t(s)) * std::size_t(context + 1) + p;
        rows.push_back({at[0], s, p, at[1], 1.0f / float(batch * context)});
      }
    INFO("step " << step + 1);
    CHECK(std::abs(engine.accumulate(rows) - log.at("loss")[std::size_t(step)].get<double>()) < (step < 12 ? 2e-6 : 2.3e-4));
    double const norm = engine.update({.rate = log.at("rate")[std::size_t(step)],
                                       .beta1 = h.at("beta1"),
                                       .beta2 = h.at("beta2"),
                                       .epsilon = h.at("eps"),
                                       .decay = h.at("weight_decay"),
                                       .clip = h.at("clip"),
                                       .step = step + 1});
    double const expected = log.at("gradient_norm")[std::size_t(step)];
    CHECK(std::abs(norm - expected) < 1.4e-3 * expected);
  }
  for (std::size_t i = 0; i < engine.parameters().size(); ++i) {
    auto const& given = engine.parameters()[i];
    golden_parameter<D> const p(given.name, given.layer, given.shape[1]);
    INFO(p.name);
    CHECK(largest_difference(p.to_file(engine.read(train::state::weight, i)), last.values<float>(p.name)) < 4e-5);
  }
}

}  // namespace cria::test
