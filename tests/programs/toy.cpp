// The programs' model in these tests: any checkpoint's shape, an engine without weights.
#include "../infer/toy_engine.hpp"
#include "cria/model/checkpoint.hpp"

namespace cria::infer {

std::unique_ptr<engine> open_engine(llama2::checkpoint const& file, engine_options const& options) {
  return std::make_unique<test::toy_engine>(file.shape().vocabulary,
                                            options.room > 0 ? options.room : file.shape().context);
}

}  // namespace cria::infer
