// expect: a slot of a decoder must return rows of the axis that comes last here
// axis: axis<vocabulary, 32000>
#include "cria/model/decoder.hpp"

using namespace cria;

template <class D> struct no_head {
  static constexpr auto forward(auto x) { return x; }
};

struct variant : llama2::config_7b {
  template <class D> using head = no_head<D>;
};

int const layers = llama2::decoder<variant>::layers;
