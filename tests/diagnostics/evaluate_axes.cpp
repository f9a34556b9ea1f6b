// expect: evaluate: the last array must be rows of the block's result
// axis: axis<hidden, 11008>
#include "bound.hpp"

using namespace cria;

void into_other_axes(host_view<float**> x, host_view<float**> w, host_view<float**> y) {
  evaluate<product>(exec(), bound<tokens, E>(x), bound<w1, F, E>(w), bound<tokens, E>(y));
}
