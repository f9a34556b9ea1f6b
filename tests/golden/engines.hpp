#pragma once
// The engines of the golden models, each defined in a translation unit of its own, on an instance of `threads` threads.
#include <memory>

#include "cria/infer/engine.hpp"
#include "cria/model/checkpoint.hpp"

namespace cria::test {

using opener = std::unique_ptr<infer::engine>(llama2::weight_file const& file, infer::engine_options const& options,
                                              int threads);

opener stories260k_exact, stories260k_fast, smollm2_exact, smollm2_fast;

}  // namespace cria::test
