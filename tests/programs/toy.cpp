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
  slow_engine(int tokens, engine_options const& o, int milliseconds)
      : toy_engine(tokens, o.room, o.sequences), pause(milliseconds) {}

  std::span<float const> forward(std::span<row const> rows, enum logits want) override {
    std::this_thread::sleep_for(pause);
    return toy_engine::forward(rows, want);
  }

 private:
  std::chrono::milliseconds pause;
};

std::unique_ptr<engine> open_toy(llama2::weight_file const& file, engine_options const& options) {
  char const* const pause = std::getenv("TOY_MILLISECONDS");
  auto with_room = options;
  if (with_room.room == 0) with_room.room = file.shape().context;
  return std::make_unique<slow_engine>(file.shape().vocabulary, with_room, pause ? std::atoi(pause) : 0);
}

[[maybe_unused]] bool const added = add_model_type({"fast", [](llama2::weight_file const&) {}, &open_toy});

}  // namespace
}  // namespace cria::infer
