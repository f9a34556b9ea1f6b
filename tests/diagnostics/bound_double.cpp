// expect: bound(a): the elements of a must be float, and int where they are tokens
#include "bound.hpp"

using namespace cria;

void of_doubles(host_view<double**> x, host_view<float**> w, host_view<float**> y) {
  evaluate<product>(exec(), bound<tokens, E>(x), bound<w1, F, E>(w), bound<tokens, F>(y));
}
