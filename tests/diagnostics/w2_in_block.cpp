// expect: matmul(x, w): the last axis of x must be the last axis of w
// axis: same_axis<axis<hidden, 11008>, axis<embed, 4096>>
#include "cria/model/decoder.hpp"

using namespace cria;

template <class D> struct my_feed_forward {
  using E = typename D::embed;
  using F = typename D::hidden;
  static constexpr auto forward(auto h) {
    using namespace nn;
    return matmul(silu(matmul(h, weight<w1, F, E>)) * matmul(h, weight<w3, F, E>), weight<w2, F, E>);  // w2 is [E, F]
  }
};

struct variant : llama2::config_7b {
  template <class D> using feed_forward = my_feed_forward<D>;
};

int const layers = llama2::decoder<variant>::layers;
