// expect: a slot of a decoder must have a static forward
// axis: mine<variant>
#include "cria/model/decoder.hpp"

using namespace cria;

template <class D> struct mine {
  static constexpr auto apply(auto x) { return x; }
};

struct variant : llama2::config_7b {
  template <class D> using attention = mine<D>;
};

int const layers = llama2::decoder<variant>::layers;
