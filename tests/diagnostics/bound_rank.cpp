// expect: bound(a): a must have one axis for each that is named
#include "bound.hpp"

using namespace cria;

void of_a_vector(host_view<float const*> x) { bound<tokens, E>(x); }
