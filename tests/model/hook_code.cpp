// Compiled with WITHOUT_HOOKS, the stages are written by hand, without a word of hooks; with STEERED a hook is put in; else
// they are the library's. hook_code.sh compares what the compiler makes of the kernels.
#include "cria/kernel/fused.hpp"
#include "cria/model/config.hpp"

using namespace cria;

struct variant : llama2::config<64, 2, 4, 2, 96, 100, 64> {
#ifdef STEERED
  template <class D, class Point>
  using hook = nn::steered<D, Point, nn::between>;
#endif
};

struct layer {
  using input = shape<tokens, variant::embed>;
  static constexpr auto forward(auto x) {
#ifdef WITHOUT_HOOKS
    auto h = x + nn::attention<variant>::forward(nn::rms_norm<variant, nn::attention_norm>::forward(x));
    return h + nn::swiglu<variant>::forward(nn::rms_norm<variant, nn::ffn_norm>::forward(h));
#else
    return nn::block_stage<variant>::forward(x);
#endif
  }
};

using program = forward_of<layer, policy::exact<>>;

template <int G>
void work(kernel::context const& c) {
  kernel::fused<program, G> f;
  f.c = c;
  f.divide(c.workers, true);
  for (int phase = 0; phase < f.phases(); ++phase) f.host_work(phase, 0, c.workers);
}
template <int... G>
void all(kernel::context const& c, std::integer_sequence<int, G...>) {
  (work<G>(c), ...);
}

void run_layer(kernel::context const& c) { all(c, std::make_integer_sequence<int, plan_of<program>.count>{}); }
