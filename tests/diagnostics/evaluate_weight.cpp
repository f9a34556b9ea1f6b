// expect: evaluate: between input and result come the block's weights, with their axes
#include "bound.hpp"

using namespace cria;

void of_another_weight(host_view<float**> x, host_view<float**> w, host_view<float**> y) {
  evaluate<product>(exec(), bound<tokens, E>(x), bound<w2, F, E>(w), bound<tokens, F>(y));
}
