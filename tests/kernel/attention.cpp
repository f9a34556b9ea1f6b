// Attention: heads and sizes that fit no vector, sequences in turns, positions across the chunks of 64.
#include <catch2/catch_template_test_macros.hpp>

#include "kernel/attend.hpp"
#include "kernel/runner.hpp"

using namespace cria;
using namespace cria::test;

namespace {

template <int Heads, int KvHeads, int Size> using exact = forward_of<attend<Heads, KvHeads, Size, true>, policy::exact<>>;
template <int Heads, int KvHeads, int Size> using fast = forward_of<attend<Heads, KvHeads, Size, true>, policy::fast<>>;

/// Rows [begin, end) of a step.
step part_of(step const& s, int begin, int end) {
  auto const cut = [&](std::vector<int> const& v) { return std::vector(v.begin() + begin, v.begin() + end); };
  return {cut(s.token), cut(s.sequence), cut(s.position)};
}
matrix part_of(matrix const& m, int begin, int end) {
  matrix r(end - begin, m.cols);
  std::copy(m.at.begin() + begin * m.cols, m.at.begin() + end * m.cols, r.at.begin());
  return r;
}

/// Three sequences in turns, in one step and in several: right, and the same bits.
template <class P> void check(double tolerance) {
  auto const all = in_turns({67, 34, 1});
  auto const x = runner<P>::inputs(all);
  runner<P> whole(all.rows(), 3, 80), pieces(all.rows(), 3, 100, 1);
  auto const found = whole.run(all, x)[0];
  CHECK(relative_difference(found, whole.expected(all, x)[0]) < tolerance);
  std::size_t const width = found.size() / std::size_t(all.rows());
  int const sizes[]{1, 40, 1, 1, 33};
  for (int begin = 0, turn = 0; begin < all.rows(); ++turn) {
    int const end = std::min(all.rows(), begin + sizes[turn % 5]);
    auto const part = pieces.run(part_of(all, begin, end), {part_of(x[0], begin, end)})[0];
    INFO("rows " << begin << " to " << end);
    CHECK(std::memcmp(part.data(), found.data() + std::size_t(begin) * width, part.size() * sizeof(float)) == 0);
    begin = end;
  }
}

}  // namespace

TEMPLATE_TEST_CASE("attention", "", (exact<1, 1, 2>), (exact<9, 3, 6>), (exact<8, 1, 10>), (exact<7, 7, 14>),
                   (exact<4, 2, 128>), (exact<6, 2, 34>), (exact<2, 1, 64>)) {
  check<TestType>(5e-6);
}

TEMPLATE_TEST_CASE("attention with an f16 cache", "", (fast<9, 3, 6>), (fast<4, 2, 128>)) { check<TestType>(3e-3); }

TEST_CASE("sharp attention: one position takes all, whatever the chunk it is in") {
  using P = exact<2, 1, 64>;
  auto const s = in_turns({130});
  auto x = runner<P>::inputs(s);
  for (double& v : x[0].at) v *= 5;  // scores of hundreds: most of e^(score - top) are zero
  runner<P> r(130, 1, 130);
  CHECK(relative_difference(r.run(s, x)[0], r.expected(s, x)[0]) < 1e-3);
}
