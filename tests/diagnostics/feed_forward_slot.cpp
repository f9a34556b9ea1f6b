// expect: a slot of a decoder must return rows of the axis that comes last here
// axis: returns<my_feed_forward<variant>, expr<shape<axis<token, -1>, axis<hidden, 11008>>>, axis<embed, 4096>>
#include "cria/model/decoder.hpp"

using namespace cria;

template <class D> struct my_feed_forward {  // comes back with the hidden width
  static constexpr auto forward(auto h) { return silu(matmul(h, weight<nn::w1, typename D::hidden, typename D::embed>)); }
};

struct variant : llama2::config_7b {
  template <class D> using feed_forward = my_feed_forward<D>;
};

int const layers = llama2::decoder<variant>::layers;
