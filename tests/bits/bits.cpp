// Prints the bits of a model's logits. Compiled by several compilers for several instruction sets: all must print the same.
#include <cstdio>
#include <random>
#include <vector>

#include "cria/core/quantise.hpp"
#include "cria/model/decoder.hpp"
#include "cria/run/session.hpp"

namespace {

using namespace cria;

/// Every format in one block; widths that are no multiple of 16 where the formats allow it, and heads of blocks.
struct mixed
    : llama2::config</*embed*/ 96, /*layers*/ 3, /*heads*/ 6, /*kv*/ 2, /*hidden*/ 160, /*vocabulary*/ 83, /*context*/ 128> {};
struct of_blocks : llama2::config<96, 2, 3, 1, 160, 83, 128> {};
using all_formats =
    formats<q4_1, stored<llama2::embed, q8_0>, stored<llama2::wq, q4_0>, stored<llama2::wk, f16>, stored<llama2::wv, bf16>,
            stored<llama2::w3, q8_f32>, stored<llama2::w2, q8_0>, stored<llama2::head, f32>>;

/// As files in Q4_K_M are: blocks of 256, and layers in different formats.
struct of_256 : llama2::config<256, 3, 4, 2, 256, 83, 128> {};
using k_formats = formats<q4_k, stored<llama2::embed, q6_k>, stored<llama2::wq, q5_k>, stored<llama2::wk, q5_0>,
                          stored<llama2::wo, q5_1>, stored<llama2::wv, by_layer<layers_in<1, q4_k>, layers_in<2, q6_k>>>,
                          stored<llama2::w2, by_layer<layers_in<1, q4_k>, layers_in<1, q6_k>, layers_in<1, q5_0>>>>;

struct made_up {
  std::vector<std::byte> bytes;
  dtype format;
};

/// Weights by name and layer, from a generator that is the same everywhere.
template <class Session> made_up weights_for(std::string_view name, int layer) {
  std::minstd_rand random(std::minstd_rand::result_type(1 + layer));
  for (char const c : name) random.discard(static_cast<unsigned long long>(c));
  layer_formats type;
  std::size_t rows = 1, cols = 0;
  auto const look = [&](graph const& g) {
    for (int i = 0; i < g.count; ++i)
      if (g.nodes[i].kind == op::weight && g.name(i) == name)
        type = g.nodes[i].type, rows = std::size_t(g.nodes[i].rows), cols = std::size_t(g.nodes[i].cols);
  };
  look(plan_of<typename Session::embedding>.g), look(plan_of<typename Session::block>.g), look(plan_of<typename Session::head>.g);
  std::vector<float> values(rows * cols);
  for (float& x : values) x = (float(random() % 2001) / 1000 - 1) * (rows == 1 ? 1.0f : 0.25f);
  dtype const format = type.type[std::size_t((layer + 1) % type.count)];  // each format has some layer, the first not the first
  return {encode(format, values), format};
}

using hash = unsigned long long;

/// Rows of a batch of sequences, of which the longest has three pages: turn by turn, each as long as its text goes on.
struct rows {
  std::vector<int> token, sequence, position;
  rows part(std::size_t begin, std::size_t end) const {
    auto const cut = [&](std::vector<int> const& v) { return std::vector(v.data() + begin, v.data() + end); };
    return {cut(token), cut(sequence), cut(position)};
  }
};
rows batch() {
  int const lengths[]{131, 66, 20, 1};
  rows r;
  for (int p = 0; p < lengths[0]; ++p)
    for (int s = 0; s < 4; ++s)
      if (p < lengths[s]) r.token.push_back((p * 31 + s * 7) % 83), r.sequence.push_back(s), r.position.push_back(p);
  return r;
}

/// The batch in pieces of `most` rows; returns a hash of all logits.
template <class Config, class Policy> hash run(std::size_t most) {
  using session_type = session<llama2::decoder<Config>, Policy, Kokkos::DefaultHostExecutionSpace>;
  rows const all = batch();
  session_type s({}, {.room = 140, .sequences = 4, .rows = int(all.token.size())}, weights_for<session_type>,
                 [](std::string_view, int) {});
  hash h = 1469598103934665603u;
  for (std::size_t begin = 0; begin < all.token.size(); begin += most) {
    auto const [token, sequence, position] = all.part(begin, std::min(all.token.size(), begin + most));
    s.set_rows(token, sequence, position);
    for (float const x : s.run(0, int(token.size()))) h = (h ^ std::bit_cast<std::uint32_t>(x)) * 1099511628211u;
  }
  return h;
}

/// Returns whether every way to cut the rows gives the same bits.
template <class Config, class Policy> bool check(char const* name) {
  hash const whole = run<Config, Policy>(1000);
  std::printf("%s %016llx\n", name, whole);
  for (int const most : {1, 4, 7, 32, 33})
    if (run<Config, Policy>(std::size_t(most)) != whole)
      return std::printf("%s: other bits in pieces of %d rows\n", name, most), false;
  return true;
}

}  // namespace

int main() {
  Kokkos::ScopeGuard const guard(Kokkos::InitializationSettings().set_disable_warnings(true));
  bool const exact = check<mixed, policy::exact<all_formats, bf16>>("exact"),
             fast = check<mixed, policy::fast<all_formats>>("fast");
  bool const blocks = check<of_blocks, policy::fast<all_formats, q8_0>>("fast, cache in blocks");
  bool const exact_256 = check<of_256, policy::exact<k_formats>>("exact, blocks of 256");
  bool const fast_256 = check<of_256, policy::fast<k_formats>>("fast, blocks of 256");
  return exact && fast && blocks && exact_256 && fast_256 ? 0 : 1;
}
