// The golden Llama alone and with its adapter, as `run` compiles them: two types of one program, of which a file fits one.
#include "cria/model/engine.hpp"

namespace alone {
#include "alone.hpp"
}
namespace apart {
#include "apart.hpp"
}

namespace {

using namespace cria;
using namespace cria::llama2;
[[maybe_unused]] bool const added = infer::add_model_type(model_type_of<decoder<alone::model>, alone::policy>()) &&
                                    infer::add_model_type(model_type_of<decoder<apart::model>, apart::policy>());

}  // namespace
