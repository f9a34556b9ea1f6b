// The programs' model in these tests: any checkpoint's shape, an engine without weights, slow where TOY_MILLISECONDS
// says so.
#include <chrono>
#include <cstdlib>
#include <thread>

#include "../infer/toy_engine.hpp"
#include "cria/model/checkpoint.hpp"

namespace cria::infer {

namespace {

class slow_engine : public test::toy_engine {
 public:
  slow_engine(int tokens, int positions, int milliseconds) : toy_engine(tokens, positions), pause(milliseconds) {}

  std::span<float const> forward(std::span<row const> rows, enum logits want) override {
    std::this_thread::sleep_for(pause);
    return toy_engine::forward(rows, want);
  }

 private:
  std::chrono::milliseconds pause;
};

}  // namespace

std::unique_ptr<engine> open_engine(llama2::checkpoint const& file, engine_options const& options) {
  char const* const pause = std::getenv("TOY_MILLISECONDS");
  return std::make_unique<slow_engine>(file.shape().vocabulary, options.room > 0 ? options.room : file.shape().context,
                                       pause ? std::atoi(pause) : 0);
}

}  // namespace cria::infer
