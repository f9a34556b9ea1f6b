// The kernels of one model with its residual stream captured: this and a model.hpp written by typegen are compiled for each
// type.
#include "model.hpp"

#include <numeric>
#include <vector>

#include "cria/model/engine.hpp"
#include "support/lens.hpp"

namespace {

using namespace cria;

struct seen : ::model {
  template <class D, class Point>
  using hook = nn::captured_at<D, Point, nn::after_embedding, nn::after_layer>;
};
using decoder = llama2::decoder<seen>;

class model_lens final : public support::lens {
 public:
  model_lens(llama2::weight_file const& file, int rows)
      : session_({}, {.room = rows, .rows = rows}, [&](std::string_view name, int layer) { return file.read(name, layer); },
                 [&](std::string_view name, int layer) { file.release(name, layer); }) {}

  int layers() const override { return decoder::layers; }
  void run(std::span<int const> tokens) override {
    std::vector<int> const sequence(tokens.size(), 0);
    std::vector<int> position(tokens.size());
    std::iota(position.begin(), position.end(), 0);
    session_.set_rows(tokens, sequence, position);
    session_.run(0, 0);
  }
  std::span<float const> logits(int depth) override {
    return session_.run_head(depth == 0 ? session_.captured<nn::after_embedding>()
                                        : session_.captured<nn::after_layer>(depth - 1));
  }

 private:
  session<decoder, ::policy> session_;
};

}  // namespace

std::unique_ptr<support::lens> support::open_lens(cria::llama2::weight_file const& file, int rows) {
  cria::llama2::check_shape<decoder, ::policy>(file);
  cria::initialise_kokkos();
  return std::make_unique<model_lens>(file, rows);
}
