// expect: a slot of a decoder must return rows of the axis that comes last here
// axis: axis<hidden, 11008>
// axis: axis<embed, 4096>
#include "cria/model/decoder.hpp"

using namespace cria;

template <class D> struct wide {
  static constexpr auto forward(auto x) { return matmul(x, weight<nn::w1, typename D::hidden, typename D::embed>); }
};

struct variant : llama2::config_7b {
  template <class D> using residual = wide<D>;
};

int const layers = llama2::decoder<variant>::layers;
