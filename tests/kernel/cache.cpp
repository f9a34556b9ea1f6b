// Attention over caches of every format: against f64 with the cache's rounding, and the same bits whoever sums which page.
#include <catch2/catch_template_test_macros.hpp>
#include <map>

#include "kernel/attend.hpp"
#include "kernel/runner.hpp"

using namespace cria;
using namespace cria::test;

namespace {

template <class Cache, int Heads, int KvHeads, int Size>
using over = forward_of<attend<Heads, KvHeads, Size, false>, policy::exact<formats<bf16>, Cache>>;

constexpr int find(graph const& g, op kind) {
  int i = 0;
  while (g.nodes[i].kind != kind) ++i;
  return i;
}

/// The input of a position of a sequence: quarters, at most 2.
matrix inputs_of(step const& s) {
  matrix x(s.rows(), 5);
  for (int r = 0; r < s.rows(); ++r)
    for (int k = 0; k < 5; ++k) {
      unsigned const at = unsigned(s.sequence[std::size_t(r)] * 1000 + s.position[std::size_t(r)] * 5 + k) * 2654435761u;
      x(r, k) = double(int(at >> 16) % 17 - 8) / 4;
    }
  return x;
}

/// What a cache keeps of one head's key or value.
template <dtype T> std::vector<double> kept(std::vector<float> const& x) {
  std::vector<double> r;
  if constexpr (T == dtype::f16) for (float const v : x) r.push_back(f16_to_f32(f32_to_f16(v)));
  else if constexpr (T == dtype::bf16) for (float const v : x) r.push_back(bf16_to_f32(f32_to_bf16(v)));
  else if constexpr (T == dtype::f32) r.assign(x.begin(), x.end());
  else
    for (std::size_t b = 0; b < x.size(); b += 32) {
      float block[32], scale, weighted;
      std::int32_t codes[8], sum, first_half;
      std::copy_n(x.begin() + std::ptrdiff_t(b), 32, block);
      kernel::quantise_block<kernel::scalar_lane>(block, {codes, &scale, &sum, &weighted, &first_half}, 0, 0, 1);
      for (int i = 0; i < 32; ++i) r.push_back(double(f16_to_f32(f32_to_f16(scale))) * kernel::signed_byte(codes[i / 4], i % 4));
    }
  return r;
}

/// The results of rows by sequence and position.
using results = std::map<std::pair<int, int>, std::vector<float>>;

template <class P> results run(runner<P>& r, step const& s, matrix const& x) {
  auto const found = r.run(s, {x})[0];
  std::size_t const width = found.size() / std::size_t(s.rows());
  results all;
  for (std::size_t i = 0; i < s.position.size(); ++i) {
    auto const begin = found.begin() + std::ptrdiff_t(i * width);
    all[{s.sequence[i], s.position[i]}].assign(begin, begin + std::ptrdiff_t(width));
  }
  return all;
}
template <class P> results run(runner<P>& r, step const& s) { return run(r, s, inputs_of(s)); }

bool same_bits(std::vector<float> const& a, std::vector<float> const& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}
void check_same(results const& found, results const& expected) {
  CHECK(!found.empty());
  for (auto const& [row, values] : found)
    if (!same_bits(values, expected.at(row))) FAIL("other bits of sequence " << row.first << ", position " << row.second);
}

/// Every result within what f32 arithmetic may lose over the rounded keys and values.
template <class P> void check_right(step const& s, results const& found) {
  constexpr graph const& g = plan_of<P>.g;
  constexpr node n = g.nodes[find(g, op::attention)];
  constexpr int size = n.size, group = n.count / n.kv_count;
  matrix const x = inputs_of(s);
  auto const values = interpret(g, s, [&](int i) { return g.nodes[i].kind == op::input ? x : runner<P>::weight(i); });
  auto const head = [&](int of, int row, int h) {
    auto const begin = values[std::size_t(n.in[of])].at.begin() + row * values[std::size_t(n.in[of])].cols + h * size;
    return std::vector<float>(begin, begin + size);
  };
  double const unit = 0x1p-24;
  for (int h = 0; h < n.count; ++h) {
    std::vector<std::vector<double>> k, v;
    for (int row = 0; row < s.rows(); ++row) {
      k.push_back(kept<P::policy::cache::id>(head(1, row, h / group)));
      v.push_back(kept<P::policy::cache::id>(head(2, row, h / group)));
    }
    for (int row = 0; row < s.rows(); ++row) {
      auto const q = head(0, row, h);
      int const sequence = s.sequence[std::size_t(row)], position = s.position[std::size_t(row)];
      int const pages = position / kernel::page_positions + 1;
      std::vector<double> sum(std::size_t(size), 0.0);
      double total = 0, products = 0, largest = 0;
      for (std::size_t t = 0; t < k.size(); ++t) {
        if (s.sequence[t] != sequence || s.position[t] > position) continue;
        double score = 0, magnitude = 0;
        for (std::size_t d = 0; d < size; ++d) {
          score += q[d] * k[t][d], magnitude += std::abs(q[d] * k[t][d]);
          largest = std::max(largest, std::abs(v[t][d]));
        }
        double const weight = std::exp(score / std::sqrt(size));
        for (std::size_t d = 0; d < size; ++d) sum[d] += weight * v[t][d];
        total += weight, products = std::max(products, magnitude / std::sqrt(size));
      }
      // A score: `size` fmas, a scale of 3 roundings, a difference, and for each page two exponents of scores; it moves all
      // weights by as much, sum and total. Exponentials: 2 units, 4 roundings. A page's sum: 64 fmas; its total and merging: 32.
      double const bound = unit * (2 * (size + 5 + 4 * pages) * products + 8 + 12 * pages + 64 + 32) * largest;
      auto const& own = found.at({sequence, position});
      for (int d = 0; d < size; ++d) {
        double const difference = std::abs(own[std::size_t(h * size + d)] - sum[std::size_t(d)] / total);
        INFO("head " << h << ", sequence " << sequence << ", position " << position << ": off by " << difference << ", at most "
                     << bound);
        if (!(difference <= bound)) FAIL();
      }
    }
  }
}

/// The next row of some sequences: pairs of sequence and position.
step rows_at(std::vector<std::pair<int, int>> const& rows) {
  step s;
  for (auto const& [sequence, position] : rows)
    s.token.push_back(0), s.sequence.push_back(sequence), s.position.push_back(position);
  return s;
}

}  // namespace

TEMPLATE_TEST_CASE("attention over a cache that rounds, every size of a group", "", (over<bf16, 1, 1, 32>),
                   (over<q8_0, 2, 1, 32>), (over<bf16, 6, 2, 20>), (over<q8_0, 4, 1, 64>), (over<f16, 5, 1, 48>),
                   (over<q8_0, 6, 1, 96>), (over<q8_0, 14, 2, 32>), (over<f32, 8, 1, 24>), (over<bf16, 9, 1, 6>),
                   (over<q8_0, 9, 9, 32>)) {
  using P = TestType;
  auto const turns = in_turns({131, 67, 1}), runs = one_by_one({131, 67, 1});
  runner<P> a(turns.rows(), 3, 140), b(runs.rows(), 3, 140, 3);
  auto const whole = run(a, turns);
  check_right<P>(turns, whole);
  check_same(run(b, runs), whole);
  for (int const threads : {1, 2, 5}) {  // few rows at depth are shared out by pages, where there are threads enough
    INFO(threads << " threads");
    runner<P> r(160, 3, 140, threads);
    check_same(run(r, in_turns({60, 62, 1})), whole);
    for (int p = 60; p < 67; ++p) check_same(run(r, rows_at({{0, p}})), whole);
    for (int p = 62; p < 66; ++p) check_same(run(r, rows_at({{1, p}, {2, 0}})), whole);
    check_same(run(r, in_turns({58}, {67})), whole);
    for (int p = 125; p < 131; ++p) check_same(run(r, rows_at({{0, p}, {1, 66}})), whole);
    check_same(run(r, rows_at({{0, 126}, {0, 127}, {0, 128}, {0, 129}, {2, 0}, {0, 130}, {1, 63}, {1, 64}, {1, 65}})), whole);
  }
}

TEMPLATE_TEST_CASE("a row does not see what comes later, not even infinity in its own page", "", (over<f32, 2, 1, 32>),
                   (over<f16, 5, 1, 32>), (over<bf16, 3, 1, 6>), (over<q8_0, 4, 2, 32>)) {
  using P = TestType;
  auto const s = one_by_one({70});
  auto x = inputs_of(s);
  runner<P> untroubled(70, 1, 70);
  auto const expected = run(untroubled, s);
  for (int const bad : {41, 67})
    for (int const threads : {1, 5}) {
      INFO("infinity at " << bad << ", " << threads << " threads");
      auto troubled = x;
      for (int k = 0; k < 5; ++k) troubled(bad, k) = k % 2 == 0 ? 3e38 : -3e38;
      runner<P> r(70, 1, 70, threads);
      for (auto const& [row, values] : run(r, s, troubled))
        if (row.second < bad ? !same_bits(values, expected.at(row)) : std::isfinite(values[0])) FAIL("position " << row.second);
      for (int const again : {bad - 1, bad - 3, 0}) check_same(run(r, rows_at({{0, again}})), expected);
    }
}
