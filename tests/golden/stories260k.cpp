// Engines of llama2.c's stories260K.
#include "cria/model/engine.hpp"
#include "engines.hpp"
#include "support/kokkos.hpp"

namespace cria::test {

using stories260k = llama2::decoder<llama2::config_stories260k>;

std::unique_ptr<infer::engine> stories260k_exact(llama2::weight_file const& file, infer::engine_options const& options,
                                                 int threads) {
  return std::make_unique<llama2::decoder_engine<stories260k, policy::exact<>>>(file, options, space_of(threads));
}

std::unique_ptr<infer::engine> stories260k_fast(llama2::weight_file const& file, infer::engine_options const& options,
                                                int threads) {
  return std::make_unique<llama2::decoder_engine<stories260k, policy::fast<>>>(file, options, space_of(threads));
}

}  // namespace cria::test
