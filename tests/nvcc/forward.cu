// A prompt and a token through a model in f32, and through one in 8-bit and 4-bit blocks with int8 activations.
#include "cria/model/decoder.hpp"
#include "cria/run/session.hpp"

namespace {

using namespace cria;

struct stored_bytes {
  std::span<std::byte const> bytes;
};

template <class Variant, class Policy> std::span<float const> forward(Kokkos::Cuda const& exec, std::span<std::byte const> file) {
  auto const read = [&](std::string_view, int) { return stored_bytes{file}; };
  session<llama2::decoder<Variant>, Policy, Kokkos::Cuda> model(exec, {.room = 8}, read, [](std::string_view, int) {});
  int const tokens[]{1, 2}, sequences[]{0, 0}, positions[]{0, 1};
  model.set_rows(tokens, sequences, positions);
  model.run_layers();
  return model.run_head(1, 1);
}

}  // namespace

std::span<float const> stories260k(Kokkos::Cuda const& exec, std::span<std::byte const> file) {
  return forward<llama2::config_stories260k, policy::exact<formats<f32>>>(exec, file);
}

std::span<float const> smollm2(Kokkos::Cuda const& exec, std::span<std::byte const> file) {
  return forward<llama2::config_smollm2_135m, policy::fast<formats<q4_1, stored<llama2::embed, q8_0>>>>(exec, file);
}
