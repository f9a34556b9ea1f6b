// expect: matmul(x, w): the last axis of x must be the last axis of w
// axis: same_axis<heads<query, 32, 128>, axis<embed, 4096>>
#include "cria/model/decoder.hpp"

using namespace cria;

template <class Tag, class Out, class In> struct turned {  // the axes of the matrix the wrong way round
  static constexpr auto forward(auto x) {
    return matmul(x, weight<Tag, In, Out>);
  }
};

struct variant : llama2::config_7b {
  template <class Tag, class Out, class In> using linear = turned<Tag, Out, In>;
};

int const layers = llama2::decoder<variant>::layers;
