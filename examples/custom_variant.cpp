// A variant with a part and an operator of its own, on the weights of stories260K.
#include "support/program.hpp"

#include <Kokkos_Core.hpp>

#include "cria/model/engine.hpp"
#include "cria/model/plain.hpp"
#include "cria/run/check_gradients.hpp"
#include "cria/text.hpp"

using namespace cria;

/// A map of our own: x Phi(x), nearly (Hendrycks and Gimpel 2016, arXiv 1606.08415). The derivative is for training.
struct gelu {
  static constexpr char name[] = "gelu";
  KOKKOS_INLINE_FUNCTION static auto apply(auto x) { return x / (1 + Kokkos::exp(decltype(x)(-1.702) * x)); }
  template <int> KOKKOS_INLINE_FUNCTION static auto derivative(auto x) {
    auto const s = 1 / (1 + Kokkos::exp(decltype(x)(-1.702) * x));
    return s + decltype(x)(1.702) * x * s * (1 - s);
  }
};

/// A part of our own: w2(gelu(w1 h) * w3 h) (Shazeer 2020, arXiv 2002.05202), where Llama has silu.
template <class D> struct gated {
  using E = typename D::embed;
  using H = typename D::hidden;
  static constexpr auto forward(auto h) {
    auto gate = map<gelu>(matmul(h, weight<nn::w1, H, E>));
    return matmul(gate * matmul(h, weight<nn::w3, H, E>), weight<nn::w2, E, H>);
  }
};

struct my_variant : llama2::config_stories260k {
  template <class D> using feed_forward = gated<D>;  // the one line that swaps it in
};
using MyLlama = llama2::decoder<my_variant>;

static_assert(MyLlama::parameter_count == 260'032);
static_assert(llama2::describe<MyLlama, policy::exact<>>().kernels_per_layer == 5);  // gelu is fused like silu

/// The gradients of a layer, gelu's derivative in them, against finite differences: the largest relative difference.
double check_layer() {
  double largest = 0;
  for (auto const& d : check_gradients<MyLlama::block>(Kokkos::DefaultExecutionSpace(), {9, 4}, {.most = 10}))
    largest = std::max(largest, d.relative());
  return largest;
}

/// A story by the likeliest tokens, and how far its last logits are from those of plain tensors in double precision.
void tell(llama2::checkpoint const& file, text::tokenizer const& tokenizer) {
  llama2::check_shape<MyLlama, policy::exact<>>(file);
  auto const read = [&](std::string_view name, int layer) { return file.read(name, layer); };
  session<MyLlama, policy::exact<>> model(Kokkos::DefaultExecutionSpace(), {.room = 128, .rows = 1}, read, [](auto...) {});
  plain_step step;
  std::vector<int> story{tokenizer.bos()};
  std::span<float const> logits;
  while (story.size() <= 80) {
    step.token.push_back(story.back()), step.sequence.push_back(0), step.position.push_back(int(step.position.size()));
    model.set_rows({&step.token.back(), 1}, {&step.sequence.back(), 1}, {&step.position.back(), 1});
    logits = model.run(0, 1);
    story.push_back(int(std::max_element(logits.begin(), logits.end()) - logits.begin()));
  }
  auto const plain = llama2::plain_logits<MyLlama>(file, step);
  double largest = 0;
  for (std::size_t i = 0; i < logits.size(); ++i)
    largest = std::max(largest, std::abs(double(logits[i]) - plain(step.rows() - 1, i)));
  support::write(
      fmt::format("{}\n\ndecoder<my_variant>: {} parameters, {} kernels in each layer; logits are within {:.1e} of f64, "
                  "gradients of a layer within {:.1e} of finite differences\n",
                  tokenizer.decode(story), MyLlama::parameter_count,
                  llama2::describe<MyLlama, policy::exact<>>().kernels_per_layer, largest, check_layer()));
}

int main(int argc, char** argv) {
  return support::run("custom_variant", "Runs a variant of stories260K", [&](CLI::App& arguments) {
    std::string model, tokenizer;
    arguments.add_option("--model", model, "stories260K.bin")->required();
    arguments.add_option("--tokenizer", tokenizer, "tok512.bin")->required();
    support::parse(arguments, argc, argv);
    auto const file = llama2::checkpoint::open(model);
    Kokkos::ScopeGuard const kokkos(Kokkos::InitializationSettings().set_disable_warnings(true));
    tell(file, *text::open_tokenizer(tokenizer));
  });
}
