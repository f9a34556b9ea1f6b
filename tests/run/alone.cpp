// A program that leaves Kokkos to the library, in a process of its own.
#include <catch2/catch_test_macros.hpp>

#include "cria/model/checkpoint.hpp"
#include "cria/model/engine.hpp"
#include "run/tiny.hpp"
#include "support/files.hpp"

using namespace cria;
using namespace cria::test;

namespace {
struct tiny_tied : llama2::config<32, 2, 4, 2, 64, 40, 64> {
  static constexpr bool tied = true;
};
}  // namespace

TEST_CASE("make_engine initialises Kokkos where the caller has not, and leaves it to whoever has") {
  REQUIRE(!Kokkos::is_initialized());
  tiny_gguf const tiny;
  auto const text = tiny.str();
  auto const file = llama2::checkpoint(io::gguf(as_file(text)));
  auto const open = [&] { return llama2::make_engine<llama2::decoder<tiny_tied>, policy::exact<>>(file, {}); };
  auto const first = open();
  REQUIRE(Kokkos::is_initialized());
  auto const second = open();
  infer::row const row{1, 0, 0};
  auto const a = first->forward({&row, 1}, infer::logits::last), b = second->forward({&row, 1}, infer::logits::last);
  CHECK(std::vector(a.begin(), a.end()) == std::vector(b.begin(), b.end()));
}
