// expect: a slot of a decoder must return rows of the axis that comes last here
// axis: axis<hidden, 11008>
// axis: axis<embed, 4096>
#include "cria/model/decoder.hpp"

using namespace cria;

template <class D> struct wide {
  static constexpr auto forward(auto ids) {
    return cria::embedding(ids, weight<nn::embed, typename D::vocabulary, typename D::hidden>);
  }
};

struct variant : llama2::config_7b {
  template <class D> using embedding = wide<D>;
};

int const layers = llama2::decoder<variant>::layers;
