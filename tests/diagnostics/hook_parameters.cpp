// expect: decoder<V>: each slot of V must be a template with the parameters that config has
#include "cria/model/decoder.hpp"

using namespace cria;

template <class D> struct everywhere {
  static constexpr auto forward(auto x) { return x; }
};

struct variant : llama2::config_7b {
  template <class D> using hook = everywhere<D>;  // of a variant and a place it should be
};

int const layers = llama2::decoder<variant>::layers;
