// A variant of stories260K: one slot swapped, the weights as they are. Arguments: the model and its tokenizer.
#include <algorithm>
#include <cstdio>

#include "cria/model/checkpoint.hpp"
#include "cria/model/engine.hpp"
#include "cria/text.hpp"

using namespace cria;

struct with_gelu : llama2::config_stories260k {
  template <class D> using feed_forward = nn::geglu<D>;  // w2(gelu(w1 h) * w3 h), where Llama has silu
};
using Llama = llama2::decoder<llama2::config_stories260k>;
using Variant = llama2::decoder<with_gelu>;
using Policy = policy::exact<>;

static_assert(Variant::parameter_count == Llama::parameter_count);
static_assert(Variant::parameter_count == 260'032);
static_assert(llama2::describe<Variant, Policy>().kernels_per_layer == 5);  // gelu is fused as silu was

int main(int, char** argv) {
  Kokkos::ScopeGuard const kokkos(Kokkos::InitializationSettings().set_disable_warnings(true));
  auto const file = llama2::checkpoint::open(argv[1]);
  auto const tokenizer = text::open_tokenizer(argv[2]);
  auto shape = file.shape();
  shape.feed_forward = llama2::feed_forward_form::geglu;  // where the file has swiglu
  llama2::check_shape<Variant, Policy>(shape, argv[1]);   // throws where anything else differs

  auto const read = [&](std::string_view name, int layer) { return file.read(name, layer); };
  session<Variant, Policy> model(Kokkos::DefaultExecutionSpace(), {.room = 64, .rows = 1}, read, [](auto...) {});
  std::vector<int> story{tokenizer->bos()};
  for (int position = 0; position < 48; ++position) {
    int const sequence = 0;
    model.set_rows({&story.back(), 1}, {&sequence, 1}, {&position, 1});
    std::span<float const> const logits = model.run(0, 1);  // [1, vocabulary]
    story.push_back(int(std::max_element(logits.begin(), logits.end()) - logits.begin()));
  }
  std::printf("%s\n", tokenizer->decode(story).c_str());
}
