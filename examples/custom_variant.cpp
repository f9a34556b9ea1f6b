// A variant of one's own: one part swapped, an operator from outside the library in it, on the weights of a trained model.
#include <cmath>

#include "cria/expr/plain.hpp"
#include "cria/model/engine.hpp"
#include "cria/text.hpp"
#include "support/model.hpp"
#include "support/program.hpp"

using namespace cria;

// ---- what a user writes ----

/// Gaussian error linear unit, by tanh (Hendrycks and Gimpel 2016): a map of one's own, with its derivative.
struct gelu {
  static constexpr char name[] = "gelu";
  static constexpr float a = 0.7978845608f, b = 0.044715f;
  KOKKOS_INLINE_FUNCTION static float apply(float x) { return 0.5f * x * (1 + Kokkos::tanh(a * (x + b * x * x * x))); }
  template <int> KOKKOS_INLINE_FUNCTION static float derivative(float x) {
    float const t = Kokkos::tanh(a * (x + b * x * x * x));
    return 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * a * (1 + 3 * b * x * x);
  }
};

/// The feed-forward with that gate (Shazeer 2020): w2(gelu(w1 h) * w3 h).
template <class Embed, class Hidden> struct geglu {
  static constexpr auto forward(auto h) {
    using namespace llama2;
    return matmul(map<gelu>(matmul(h, weight<w1, Hidden, Embed>)) * matmul(h, weight<w3, Hidden, Embed>), weight<w2, Embed, Hidden>);
  }
};

struct stories_with_gelu : llama2::config_stories260k {  // the one line that swaps the part
  template <class D> using feed_forward = geglu<typename D::embed, typename D::hidden>;
};

// ---- what the library makes of it ----

namespace {

using original = llama2::decoder<llama2::config_stories260k>;
using variant = llama2::decoder<stories_with_gelu>;
using precision = policy::exact<>;

static_assert(variant::parameter_count == original::parameter_count);
static_assert(llama2::describe<variant, precision>().kernels_per_layer == 5);  // the operator is fused like any other

/// The likeliest story, 40 tokens long.
template <class D> std::string story(support::model_files const& files) {
  auto const engine = llama2::make_engine<D, precision>(files.weights, {.room = 41});
  std::vector<int> tokens{files.tokens->bos()};
  for (int position = 0; position < 40; ++position) {
    infer::row const row{tokens.back(), 0, position};
    auto const logits = engine->forward({&row, 1}, infer::logits::last);
    tokens.push_back(int(std::ranges::max_element(logits) - logits.begin()));
  }
  return files.tokens->decode(tokens);
}

/// The largest difference between the variant's first layer on plain tensors of doubles and by its kernels.
double difference(llama2::checkpoint const& file) {
  auto const read = [&](std::string_view name, int layer) { return file.read(llama2::weight_name(llama2::index_of(name)), layer); };
  session<variant, precision> model({}, {.room = 4}, read, [](std::string_view, int) {});
  std::vector<int> const token{1, 403, 407, 261}, sequence(4, 0), position{0, 1, 2, 3};
  plain_step step{token, sequence, position, {}};
  for (auto const& w : model.weights().entries()) {
    std::vector<float> values(std::size_t(w.rows) * std::size_t(w.cols));
    decode(w.type, read(w.name, 0).bytes, values);
    step.weights[std::string(w.name)].assign(values.begin(), values.end());
  }
  model.set_rows(token, sequence, position);
  model.run_embedding();
  model.run_block(0);
  auto const expected = variant::block::forward(variant::embedding::forward(plain<token_ids>{&step}));
  double worst = 0;
  for (std::size_t i = 0; i < expected.at.size(); ++i) worst = std::max(worst, std::abs(expected.at[i] - double(model.rows()[i])));
  return worst;
}

}  // namespace

int main(int argc, char** argv) {
  return support::run("custom_variant", "A variant of stories260K with an operator of its own", [&](CLI::App& arguments) {
    support::model_arguments a;
    a.add_files(arguments);
    support::parse(arguments, argc, argv);
    support::model_files const files(a);
    support::write(fmt::format("{} parameters, {} kernels per layer\n\nas trained, silu: {}\n\nwith gelu: {}\n\n", variant::parameter_count,
                               llama2::describe<variant, precision>().kernels_per_layer, story<original>(files), story<variant>(files)));
    support::write(fmt::format("first layer, kernels against doubles: {:.1e}\n", difference(files.weights)));
  });
}

std::string_view support::compiled_policy() { return "exact"; }
