// A workspace holds what the kernels of its programs need, whatever the rows and threads of a step.
#include "cria/run/workspace.hpp"

#include <catch2/catch_test_macros.hpp>
#include <map>
#include <string>

#include "cria/model/decoder.hpp"
#include "support/kokkos.hpp"

using namespace cria;
using namespace cria::test;

namespace {

/// Sums over many inputs, so that panels take most of the memory.
struct deep_config : llama2::config</*embed*/ 64, /*layers*/ 1, /*heads*/ 4, /*kv*/ 1, /*hidden*/ 4096, /*vocabulary*/ 40,
                                    /*context*/ 64> {};
using deep = llama2::decoder<deep_config>;

std::map<std::string, std::uint64_t> allocated;  // bytes

template <class P, int G> void check_kernel(kernel::context const& c) {
  std::uint64_t const scratch = allocated["cria/scratch"] / sizeof(float);
  std::uint64_t const shared = allocated["cria/shared"] / sizeof(float);
  kernel::fused<P, G> f;
  f.c = c;
  f.divide(c.workers, true);
  INFO("kernel " << G << ", " << c.rows << " rows, " << c.workers << " workers, reach " << c.reach);
  if (f.scratch_floats() > c.scratch_stride || f.scratch_floats() > scratch || f.shared_floats() > shared) FAIL("too small");
}

template <class P> void check_enough(int rows, int threads, int room) {
  auto const exec = space_of(threads);
  allocated.clear();
  Kokkos::Tools::Experimental::set_allocate_data_callback(
      [](Kokkos_Profiling_SpaceHandle, char const* label, void const*, std::uint64_t bytes) { allocated[label] = bytes; });
  workspace<space_type> work;
  work.make<P>(exec, rows, room);
  Kokkos::Tools::Experimental::set_allocate_data_callback(nullptr);
  kernel::context c;
  work.bind(c);
  REQUIRE(c.workers == threads);
  CHECK(c.scratch_stride * std::size_t(threads) * sizeof(float) <= allocated["cria/scratch"]);
  for (c.rows = 1; c.rows <= rows; ++c.rows)
    for (c.workers = 1; c.workers <= threads; ++c.workers)
      for (int const reach : {1, 64, 65, room}) {
        c.reach = reach;
        [&]<int... G>(std::integer_sequence<int, G...>) {
          (check_kernel<P, G>(c), ...);
        }(std::make_integer_sequence<int, plan_of<P>.count>{});
      }
}

}  // namespace

TEST_CASE("a workspace is large enough for every step") {
  if constexpr (kernel::on_host<space_type>)
    for (int const threads : {1, 2, 3, 7})
      for (int const rows : {1, 3, 4, 6, 40, 150}) {
        check_enough<forward_of<deep::block, policy::exact<>>>(rows, threads, 300);
        check_enough<forward_of<deep::block, policy::fast<formats<q8_0>>>>(rows, threads, 300);
      }
}
