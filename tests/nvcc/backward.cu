// The gradients of a model's weights.
#include "cria/model/decoder.hpp"
#include "cria/run/backward.hpp"

namespace {

using namespace cria;
using model = llama2::decoder<llama2::config_stories260k>;
using precision = policy::exact<formats<f32>>;

}  // namespace

void gradients(session<model, precision, Kokkos::Cuda>& session, std::span<float const> dlogits) {
  backward<model, precision, Kokkos::Cuda> gradients(session);
  gradients.forward();
  gradients.run(dlogits);
}
