// The kernels of this program's model, behind an interface: no other file sees the type, or Kokkos.
#include "cria/model/engine.hpp"

namespace {
[[maybe_unused]] bool const added = cria::infer::add_model_type(
    cria::llama2::model_type_of<cria::llama2::decoder<cria::llama2::config_stories260k>, cria::policy::exact<>>());
}
