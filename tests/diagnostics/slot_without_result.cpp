// expect: a slot of a decoder must return rows of the axis that comes last here
// axis: returns<mine<variant>, void, axis<embed, 4096>>
#include "cria/model/decoder.hpp"

using namespace cria;

template <class D> struct mine {
  static constexpr auto forward(auto x) { silu(x); }  // return is forgotten
};

struct variant : llama2::config_7b {
  template <class D> using feed_forward = mine<D>;
};

int const layers = llama2::decoder<variant>::layers;
