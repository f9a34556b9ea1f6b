#pragma once
// Weights before training: the same bits on every machine and for every order of the parameters.
#include <cstdint>
#include <string_view>
#include <vector>

#include "cria/infer/random_numbers.hpp"
#include "cria/train/engine.hpp"
#include "cria/train/recipe.hpp"

namespace cria::train {

/// Numbers of mean 0 and variance 1: sums of twelve uniform ones, which need no logarithm, and so no library's
/// rounding. They end at 6 standard deviations; the fourth moment is 2.9 where a normal distribution has 3.
class normal_numbers {
 public:
  explicit constexpr normal_numbers(std::uint64_t seed) : uniform_(seed) {}

  constexpr double next() {
    std::uint64_t sum = 0;  // of sixteen bits each
    for (int i = 0; i < 3; ++i)
      for (auto bits = uniform_.bits(); bits != 0; bits >>= 16) sum += bits & 0xffff;
    return (double(sum) + 6) * 0x1p-16 - 6;
  }

 private:
  infer::random_numbers uniform_;
};

namespace detail {

/// A seed of a parameter's own, by FNV-1a of its name and layer.
constexpr std::uint64_t seed_of(std::uint64_t seed, std::string_view name, int layer) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (char const c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  hash = (hash ^ std::uint64_t(layer)) * 0x100000001b3u;
  return infer::random_numbers(hash ^ infer::random_numbers(seed).bits()).bits();
}

}  // namespace detail

/// Writes the weights that a run with this seed begins with: matrices as the recipe says, vectors (the norms) 1.
inline void initialise(engine& model, recipe const& how, std::uint64_t seed) {
  int layers = 1;
  for (auto const& p : model.parameters()) layers = std::max(layers, p.layer + 1);
  std::vector<float> values;
  for (std::size_t i = 0; i < model.parameters().size(); ++i) {
    auto const& p = model.parameters()[i];
    values.assign(std::size_t(p.shape[0]) * std::size_t(p.shape[1]), 1.0f);
    if (p.shape[0] > 1) {
      normal_numbers numbers(detail::seed_of(seed, p.name, p.layer));
      double const deviation = how.initial_deviation(p.name, layers);
      for (auto& v : values) v = float(deviation * numbers.next());
    }
    model.write(state::weight, i, values);
  }
}

}  // namespace cria::train
