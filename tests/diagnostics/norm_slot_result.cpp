// expect: a slot of a decoder must return rows of the axis that comes last here
// axis: returns<wide<variant, attention_norm>, expr<shape<axis<token, -1>, axis<hidden, 11008>>>, axis<embed, 4096>>
#include "cria/model/decoder.hpp"

using namespace cria;

template <class D, class Tag> struct wide {  // comes back with the hidden width
  static constexpr auto forward(auto x) { return matmul(x, weight<Tag, typename D::hidden, typename D::embed>); }
};

struct variant : llama2::config_7b {
  template <class D, class Tag> using norm = wide<D, Tag>;
};

int const layers = llama2::decoder<variant>::layers;
