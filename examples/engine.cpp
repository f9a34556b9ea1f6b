// The kernels of one model: this and a model.hpp written by typegen are what is compiled for each type.
#include "model.hpp"

#include "cria/model/engine.hpp"
#include "support/compiled.hpp"

std::unique_ptr<cria::infer::engine> cria::infer::open_engine(llama2::checkpoint const& file,
                                                              engine_options const& options) {
  return llama2::make_engine<llama2::decoder<::model>, ::policy>(file, options);
}

std::string_view support::compiled_policy() { return policy::int8 ? "fast" : "exact"; }
