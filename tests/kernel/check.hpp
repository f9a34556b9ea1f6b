#pragma once
// The gradients of a block, checked and reported.
#include <catch2/catch_test_macros.hpp>

#include "cria/run/check_gradients.hpp"
#include "support/kokkos.hpp"

namespace cria::test {

/// `leaves`: how many have a gradient; 0: not counted.
template <class Block, class Policy = policy::exact<>, class Trained = train_weights::all>
void check_block(std::vector<int> const& lengths, std::size_t leaves = 0, gradient_check const& how = {}) {
  auto const report = check_gradients<Block, Policy, Trained>(space_of(2), lengths, how);
  CHECK((leaves == 0 ? !report.empty() : report.size() == leaves));
  for (auto const& d : report) {
    INFO(d.leaf << ": " << d.difference << " of " << d.magnitude);
    CHECK(d.relative() < 1e-5);
  }
}

}  // namespace cria::test
