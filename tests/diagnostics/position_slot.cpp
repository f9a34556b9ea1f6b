// expect: the slot position must have a static at_input and a static rotate
// axis: mine<variant>
#include "cria/model/decoder.hpp"

using namespace cria;

template <class D> struct mine {  // without at_input
  static constexpr auto rotate(auto x) { return x; }
};

struct variant : llama2::config_7b {
  template <class D> using position = mine<D>;
};

int const layers = llama2::decoder<variant>::layers;
