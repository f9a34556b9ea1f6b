#include "cria/core/rotation.hpp"

#include <array>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace cria;
using Catch::Approx;

namespace {

/// Frequencies of every n-th pair, as transformers 5.24 gives them; it computes in f32, whose pow is within a few units.
template <std::size_t N> void check(rotation const& r, int size, int step, std::array<double, N> const& expected) {
  for (std::size_t i = 0; i < N; ++i) {
    INFO("value " << int(i) * step);
    CHECK(frequency(r, int(i) * step, size) == Approx(expected[i]).epsilon(4e-7));
  }
}

}  // namespace

TEST_CASE("frequencies of Llama 3.1: long waves slowed, short ones not, a bend in between") {
  check<11>({.theta = 5e5, .factor = 8, .low = 1, .high = 4, .original_context = 8192}, 128, 12,
            {1.0, 0.292227834, 0.0853971019, 0.0249554086, 0.00729266508, 0.00137189368, 7.78465546e-05, 2.2748929e-05,
             6.64786967e-06, 1.94269251e-06, 5.6770881e-07});
  check<8>({.theta = 5e5, .factor = 32, .low = 1, .high = 4, .original_context = 8192}, 64, 8,
           {1.0, 0.193922758, 0.0376060307, 0.00729266508, 0.000429556705, 8.57025589e-06, 1.66196742e-06, 3.22293289e-07});
}

TEST_CASE("linear scaling slows every pair, no scaling none") {
  check<8>({.factor = 4}, 64, 8,
           {0.25, 0.079056941, 0.0250000004, 0.00790569466, 0.00249999994, 0.000790569466, 0.000250000012, 7.90569466e-05});
  check<3>({.theta = 100}, 4, 2, {1.0, 0.1, 0.01});
}
