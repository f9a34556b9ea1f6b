// expect: rms_norm(x, w): the last axis of x must be the axis of w
// axis: same_axis<axis<embed, 4096>, axis<hidden, 11008>>
#include "cria/model/decoder.hpp"

using namespace cria;

template <class D, class Tag> struct wide_norm {
  static constexpr auto forward(auto x) {
    return rms_norm(x, weight<Tag, typename D::hidden>);
  }
};

struct variant : llama2::config_7b {
  template <class D, class Tag> using norm = wide_norm<D, Tag>;
};

int const layers = llama2::decoder<variant>::layers;
