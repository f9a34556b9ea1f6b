// expect: evaluate: each weight of the block must be given once
#include "bound.hpp"

using namespace cria;

void without_its_weight(host_view<float**> x, host_view<float**> y) {
  evaluate<product>(exec(), bound<tokens, E>(x), bound<tokens, F>(y));
}
