// expect: a slot of a decoder must return rows of the axis that comes last here
// axis: axis<embed, 4096>
#include "cria/model/decoder.hpp"

using namespace cria;

template <class Tag, class Out, class In> struct nothing_done {
  static constexpr auto forward(auto x) { return x; }
};

struct variant : llama2::config_7b {
  template <class Tag, class Out, class In> using linear = nothing_done<Tag, Out, In>;
};

int const layers = llama2::decoder<variant>::layers;
