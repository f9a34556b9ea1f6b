// expect: evaluate: the result must not be const
#include "bound.hpp"

using namespace cria;

void into_const(host_view<float const**> x, host_view<float const**> w, host_view<float const**> y) {
  evaluate<product>(exec(), bound<tokens, E>(x), bound<w1, F, E>(w), bound<tokens, F>(y));
}
