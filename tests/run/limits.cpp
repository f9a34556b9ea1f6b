// The kernels that measure the machine: they read every word once, and say something plausible.
#include "cria/run/limits.hpp"

#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "support/kokkos.hpp"

using namespace cria;

namespace {

template <int Streams> void check_places(std::size_t bytes, int indices) {
  using functor = detail::read_functor<Kokkos::DefaultHostExecutionSpace, Streams>;
  functor const f{nullptr, indices, 1, functor::steps_in(bytes, indices)};
  constexpr std::size_t words = std::size_t(functor::at_once) * functor::V::width;
  std::vector<int> seen(bytes / sizeof(std::int32_t), 0);
  for (int i = 0; i < indices; ++i)
    for (int s = 0; s < Streams; ++s)
      for (std::size_t k = 0; k < f.steps; ++k)
        for (std::size_t w = 0; w < words; ++w) ++seen.at(f.place(i, s, k) + w);
  std::size_t const whole = f.steps * std::size_t(indices) * Streams * words;
  CHECK(seen.size() - whole < std::size_t(indices) * Streams * words);
  seen.resize(whole);
  CHECK(seen == std::vector<int>(whole, 1));
}

}  // namespace

TEST_CASE("every word of a set is read once") {
  check_places<1>(4096, 1);
  check_places<2>(10000, 3);
  check_places<4>(10000, 2);
  check_places<8>(30000, 5);
}

TEST_CASE("limits are within what machines do") {
  auto const exec = test::space();
  for (double const limit :
       {measure_read_bandwidth(exec, std::size_t(1) << 20), measure_peak_flops(exec), measure_peak_int8(exec)})
    CHECK((limit > 1e8 && limit < 1e15));
}

TEST_CASE("the chains of multiply-adds stay normal numbers") {
  for (int const i : {0, 7}) {
    float total = 0;
    detail::multiply_functor<Kokkos::DefaultHostExecutionSpace>{}(i, total);
    CHECK((total > 11.9f * float(i + 1) && total < 12.1f * float(i + 1)));
  }
}
