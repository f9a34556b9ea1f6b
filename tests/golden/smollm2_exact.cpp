// The engine of SmolLM2-135M in Q4_1, policy exact.
#include "cria/model/engine.hpp"
#include "engines.hpp"
#include "support/kokkos.hpp"

namespace cria::test {

std::unique_ptr<infer::engine> smollm2_exact(llama2::weight_file const& file, infer::engine_options const& options,
                                             int threads) {
  using smollm2 = llama2::decoder<llama2::config_smollm2_135m>;
  using formats = formats<q4_1, stored<llama2::embed, q8_0>>;
  return std::make_unique<llama2::decoder_engine<smollm2, policy::exact<formats>>>(file, options, space_of(threads));
}

}  // namespace cria::test
