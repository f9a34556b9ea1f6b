// A program of somebody else's: a variant with a wider feed-forward, weights made up, and its logits beside plain tensors in f64.
#include <Kokkos_Core.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>

#include "cria/expr/plain.hpp"
#include "cria/model.hpp"
#include "cria/run/session.hpp"

using namespace cria;

struct wide
    : llama2::config</*embed*/ 32, /*layers*/ 2, /*heads*/ 4, /*kv heads*/ 2, /*hidden*/ 64, /*vocabulary*/ 40, /*context*/ 64> {
  template <class D> using feed_forward = nn::swiglu<D, axis<llama2::axes::hidden, 96>>;
};
using Wide = llama2::decoder<wide>;

struct made_up {
  std::vector<float> values;
  std::span<std::byte const> bytes = std::as_bytes(std::span(values));
};

made_up weight_of(std::string_view name, int layer) {
  static std::map<std::string_view, std::size_t> const sizes{
      {"embed", 40 * 32}, {"head", 40 * 32}, {"norm", 32},    {"attention_norm", 32}, {"ffn_norm", 32}, {"wq", 32 * 32},
      {"wk", 16 * 32},    {"wv", 16 * 32},   {"wo", 32 * 32}, {"w1", 96 * 32},        {"w3", 96 * 32},  {"w2", 32 * 96}};
  std::mt19937 bits(unsigned(name[0]) * 1000u + unsigned(name.back()) * 10u + unsigned(layer));
  std::vector<float> values(sizes.at(name));
  for (float& x : values) x = float(bits() >> 8) / float(1 << 23) - 1;  // in [-1, 1)
  return {std::move(values)};
}

int main() {
  Kokkos::ScopeGuard const kokkos;
  session<Wide, policy::exact<>> model(Kokkos::DefaultExecutionSpace(), {.room = 8}, weight_of, [](auto...) {});
  plain_step step{{3, 17, 39}, {0, 0, 0}, {0, 1, 2}, {}};
  model.set_rows(step.token, step.sequence, step.position);
  auto const logits = model.run(0, 3);

  auto const load = [&](int layer) {
    for (auto const& w : model.weights().entries()) {
      auto const made = weight_of(w.name, w.layers == 1 ? 0 : layer);
      step.weights[std::string(w.name)].assign(made.values.begin(), made.values.end());
    }
  };
  load(0);
  auto x = Wide::embedding::forward(plain<token_ids>{&step});
  for (int layer = 0; layer < Wide::layers; ++layer) load(layer), x = Wide::block::forward(x);
  auto const expected = Wide::head::forward(x);

  // Ten sums one after the other, of at most 96 terms: as many roundings of 2^-24, of values whose sum of magnitudes is within 10
  // of the largest logit.
  double largest = 0, difference = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    largest = std::max(largest, std::abs(expected.at[i]));
    difference = std::max(difference, std::abs(double(logits[i]) - expected.at[i]));
  }
  std::printf("logits within %.1e of f64, the largest is %.3g\n", difference, largest);
  return difference <= largest * 10 * 10 * 96 * 0x1p-24 && largest > 0 ? 0 : 1;
}
