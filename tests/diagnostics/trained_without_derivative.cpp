// expect: training: a custom operator needs a derivative
// axis: cube
#include "cria/model/decoder.hpp"
#include "cria/run/trainer.hpp"

using namespace cria;

struct cube {
  static constexpr char name[] = "cube";
  KOKKOS_INLINE_FUNCTION static float apply(float x) { return x * x * x; }
};

template <class D> struct with_cube {
  static constexpr auto forward(auto x) {
    auto h = map<cube>(matmul(x, weight<nn::w1, typename D::hidden, typename D::embed>));
    return matmul(h, weight<nn::w2, typename D::embed, typename D::hidden>);
  }
};

struct variant : llama2::config_7b {
  template <class D> using feed_forward = with_cube<D>;
};

double loss(trainer<llama2::decoder<variant>, policy::exact<>>& training, std::span<training_row const> rows) {
  return training.accumulate(rows);
}
