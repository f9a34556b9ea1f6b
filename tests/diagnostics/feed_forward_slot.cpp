// expect: x + y: the axes of x must be the axes of y
// axis: axis<embed, 4096>
// axis: axis<hidden, 11008>
#include "cria/model/decoder.hpp"

using namespace cria;

template <class D> struct my_feed_forward {  // comes back with the hidden width
  static constexpr auto forward(auto h) { return silu(matmul(h, weight<nn::w1, typename D::hidden, typename D::embed>)); }
};

struct variant : llama2::config_7b {
  template <class D> using feed_forward = my_feed_forward<D>;
};

static_assert(llama2::decoder<variant>::parameter_count > 0);
