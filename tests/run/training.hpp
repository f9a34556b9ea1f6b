#pragma once
// Trainers of small models with weights made up, and rows of sequences of any lengths.
#include "cria/core/quantise.hpp"
#include "cria/model/decoder.hpp"
#include "cria/run/trainer.hpp"
#include "graph/interpreter.hpp"
#include "support/kokkos.hpp"

namespace cria::test {

/// Three query heads of 10 over one for keys and values; no width is a multiple of 16.
struct odd_config : llama2::config</*embed*/ 20, /*layers*/ 2, /*heads*/ 3, /*kv*/ 1, /*hidden*/ 36, /*vocabulary*/ 21,
                                   /*context*/ 160,
                                   /*head_dim*/ 10> {};
using odd = llama2::decoder<odd_config>;

struct made_bytes {
  std::vector<std::byte> bytes;
};

/// The weight called `name` in a layer, the same for all trainers of one shape: of norms about 1, of matrices small.
template <class Trainer>
made_bytes made_weight(std::string_view name, int layer) {
  for (graph const& g : {plan_of<typename Trainer::embedding_forward>.g, plan_of<typename Trainer::block_forward>.g,
                         plan_of<typename Trainer::loss_forward>.g})
    for (int i = 0; i < g.count; ++i) {
      node const& n = g.nodes[i];
      if (n.kind != op::weight || g.name(i) != name) continue;
      unsigned seed = unsigned(layer);
      for (char const c : name) seed = seed * 31 + unsigned(c);
      std::vector<float> values;
      for (double const x : numbers(n.rows, n.cols, seed).at)
        values.push_back(float(n.rows == 1 ? 1 + x / 2 : x * std::sqrt(3.0 / n.cols)));
      return {encode(n.type.only(), values)};
    }
  throw error(name, "no weight of this model");
}

template <class Trainer>
Trainer make_trainer(int threads, trainer_options const& options) {
  return Trainer(space_of(threads), options, made_weight<Trainer>, [](auto...) {});
}

/// Sequences of the given lengths, each row with another share of the loss.
inline std::vector<training_row> rows_of(std::vector<int> const& lengths, int vocabulary, int seed = 0) {
  std::vector<training_row> rows;
  for (std::size_t s = 0; s < lengths.size(); ++s)
    for (int p = 0; p < lengths[s]; ++p) {
      int const i = int(rows.size()) + seed;
      rows.push_back({i * i % vocabulary, int(s), p, (i * 7 + 3) % vocabulary, float(1 + i % 3) / 64});
    }
  return rows;
}

/// All gradients, weight after weight and layer after layer; all weights as they are multiplied with; all weights in
/// f32.
template <class Trainer>
std::vector<float> all_gradients(Trainer const& t) {
  std::vector<float> all;
  for (auto const& e : t.gradients().entries())
    for (int layer = 0; layer < e.stored->layers; ++layer) {
      auto const g = t.gradient(e.stored->name, layer);
      all.insert(all.end(), g.begin(), g.end());
    }
  return all;
}
template <class Trainer>
std::vector<std::byte> all_weights(Trainer const& t) {
  std::vector<std::byte> all;
  for (auto const& e : t.weights().entries()) {
    auto const copy = host_copy(space(), e.packed);
    all.insert(all.end(), copy.begin(), copy.end());
  }
  return all;
}
template <class Trainer>
std::vector<float> all_masters(Trainer const& t) {
  std::vector<float> all;
  for (auto const& e : t.gradients().entries())
    for (int layer = 0; layer < e.stored->layers; ++layer) {
      auto const w = unpacked(space(), *e.stored, e.weight(), layer);
      all.insert(all.end(), w.begin(), w.end());
    }
  return all;
}

}  // namespace cria::test
