// Prints the bits of a model's logits. Compiled by several compilers for several instruction sets: all must print the same.
#include <cstdio>
#include <random>
#include <vector>

#include "cria/core/quantise.hpp"
#include "cria/model/decoder.hpp"
#include "cria/run/session.hpp"

namespace {

using namespace cria;

/// Every format in one block; widths that are no multiple of 16 where the formats allow it.
struct mixed : llama2::config<96, 3, 6, 2, 160, 83, 128> {};
using all_formats = formats<q4_1, stored<llama2::embed, q8_0>, stored<llama2::wq, q4_0>, stored<llama2::wk, f16>, stored<llama2::wv, bf16>,
                            stored<llama2::w3, q8_f32>, stored<llama2::w2, q8_0>, stored<llama2::head, f32>>;

struct made_up {
  std::vector<std::byte> bytes;
};

/// Weights by name and layer, from a generator that is the same everywhere.
template <class Session> made_up weights_for(std::string_view name, int layer) {
  std::minstd_rand random(std::minstd_rand::result_type(1 + layer));
  for (char const c : name) random.discard(static_cast<unsigned long long>(c));
  dtype type = dtype::f32;
  std::size_t rows = 1, cols = 0;
  auto const look = [&](graph const& g) {
    for (int i = 0; i < g.count; ++i)
      if (g.nodes[i].kind == op::weight && g.name(i) == name)
        type = g.nodes[i].type, rows = std::size_t(g.nodes[i].rows), cols = std::size_t(g.nodes[i].cols);
  };
  look(plan_of<typename Session::embedding>.g), look(plan_of<typename Session::block>.g), look(plan_of<typename Session::head>.g);
  std::vector<float> values(rows * cols);
  for (float& x : values) x = (float(random() % 2001) / 1000 - 1) * (rows == 1 ? 1.0f : 0.25f);
  return {encode(type, values)};
}

using hash = unsigned long long;

/// Rows of two sequences, in pieces of `most` rows; returns a hash of all logits.
template <class Policy> hash run(int most) {
  using session_type = session<llama2::decoder<mixed>, Policy, Kokkos::DefaultHostExecutionSpace>;
  constexpr int rows = 150;
  session_type s({}, {.room = 75, .sequences = 2, .rows = rows}, weights_for<session_type>, [](std::string_view, int) {});
  hash h = 1469598103934665603u;
  for (int begin = 0; begin < rows; begin += most) {
    std::vector<int> token, sequence, position;
    for (int i = begin; i < std::min(rows, begin + most); ++i) token.push_back(i * 31 % 83), sequence.push_back(i % 2), position.push_back(i / 2);
    s.set_rows(token, sequence, position);
    for (float const x : s.run(0, int(token.size()))) h = (h ^ std::bit_cast<std::uint32_t>(x)) * 1099511628211u;
  }
  return h;
}

/// Returns whether every way to cut the rows gives the same bits.
template <class Policy> bool check(char const* name) {
  hash const whole = run<Policy>(150);
  std::printf("%s %016llx\n", name, whole);
  for (int const most : {1, 7, 32, 33})
    if (run<Policy>(most) != whole) return std::printf("%s: other bits in pieces of %d rows\n", name, most), false;
  return true;
}

}  // namespace

int main() {
  Kokkos::ScopeGuard const guard(Kokkos::InitializationSettings().set_disable_warnings(true));
  bool const exact = check<policy::exact<all_formats>>("exact"), fast = check<policy::fast<all_formats>>("fast");
  return exact && fast ? 0 : 1;
}
