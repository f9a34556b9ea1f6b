// Attention: heads and sizes that fit no vector, sequences in turns, positions across the chunks of 64.
#include <catch2/catch_template_test_macros.hpp>

#include "kernel/attend.hpp"

using namespace cria;
using namespace cria::test;

namespace {

template <int Heads, int KvHeads, int Size> using exact = forward_of<attend<Heads, KvHeads, Size, true>, policy::exact<>>;
template <int Heads, int KvHeads, int Size> using fast = forward_of<attend<Heads, KvHeads, Size, true>, policy::fast<>>;

}  // namespace

TEMPLATE_TEST_CASE("attention", "", (exact<1, 1, 2>), (exact<9, 3, 6>), (exact<8, 1, 10>), (exact<7, 7, 14>),
                   (exact<4, 2, 128>), (exact<6, 2, 34>), (exact<2, 1, 64>)) {
  check_cuts<TestType>(5e-6);
}

TEMPLATE_TEST_CASE("attention with an f16 cache", "", (fast<9, 3, 6>), (fast<4, 2, 128>)) { check_cuts<TestType>(3e-3); }

TEST_CASE("sharp attention: one position takes all, whatever the chunk it is in") {
  using P = exact<2, 1, 64>;
  auto const s = in_turns({130});
  auto x = runner<P>::inputs(s);
  for (double& v : x[0].at) v *= 5;  // scores of hundreds: most of e^(score - top) are zero
  runner<P> r(130, 1, 130);
  CHECK(relative_difference(r.run(s, x)[0], r.expected(s, x)[0]) < 1e-3);
}
