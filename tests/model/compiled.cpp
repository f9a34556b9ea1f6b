// The forward of every Llama 2 size becomes kernels. None of them fits this machine; a step without rows launches nothing.
#include <catch2/catch_template_test_macros.hpp>

#include "cria/model/decoder.hpp"
#include "cria/run/execute.hpp"
#include "support/kokkos.hpp"

using namespace cria;

TEMPLATE_TEST_CASE("the stages of Llama 2 are compiled", "", llama2::config_7b, llama2::config_13b, llama2::config_34b,
                   llama2::config_70b) {
  using D = llama2::decoder<TestType>;
  using policy = policy::exact<formats<bf16>>;
  static_assert(plan_of<forward_of<typename D::block, policy>>.count == 5);
  auto const exec = test::space();
  static int launched;
  launched = 0;
  Kokkos::Tools::Experimental::set_begin_parallel_for_callback([](char const*, std::uint32_t, std::uint64_t*) { ++launched; });
  execute<forward_of<typename D::embedding, policy>>(exec, {});
  execute<forward_of<typename D::block, policy>>(exec, {});
  execute<forward_of<typename D::head, policy>>(exec, {});
  Kokkos::Tools::Experimental::set_begin_parallel_for_callback(nullptr);
  CHECK(launched == 0);
}
