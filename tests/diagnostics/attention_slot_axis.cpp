// expect: rms_norm(x, w): the last axis of x must be the axis of w
// axis: same_axis<axis<embed, 4096>, heads<query, 32, 128>>
#include "cria/model/decoder.hpp"

using namespace cria;

template <class D> struct normed_attention {  // a norm of the queries, over the wrong axis
  static constexpr auto forward(auto h) {
    return rms_norm(h, weight<nn::norm, typename D::query>);
  }
};

struct variant : llama2::config_7b {
  template <class D> using attention = normed_attention<D>;
};

int const layers = llama2::decoder<variant>::layers;
