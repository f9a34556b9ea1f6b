// What is known of one model's type while compiling, without its kernels.
#include "model.hpp"

#include "cria/model/describe.hpp"
#include "cria/model/graph_text.hpp"
#include "support/compiled.hpp"

namespace {
using decoder = cria::llama2::decoder<model>;
}

std::string_view support::compiled_policy() { return policy::int8 ? "fast" : "exact"; }

cria::llama2::description support::describe_model() { return cria::llama2::describe<decoder, policy>(); }

std::string support::graph_of_model(std::string_view pass, std::string_view stage, std::string_view format) {
  if (pass == "inference") return cria::llama2::graph_text<decoder, policy>(stage, format);
  return cria::llama2::training_graph_text<decoder, cria::policy::exact<formats>>(stage, format);
}
