// The training kernels of one model: this and a model.hpp written by typegen are what is compiled for each type.
#include "model.hpp"

#include "cria/model/train_engine.hpp"

namespace {
[[maybe_unused]] bool const added =
    cria::train::add_model_type(cria::llama2::trained_type_of<cria::llama2::decoder<::model>, ::policy>());
}
