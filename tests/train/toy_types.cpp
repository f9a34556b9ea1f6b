// The types of model that the tests' pretrain is linked with: a toy for every shape, slow where TOY_MILLISECONDS says
// so.
#include <chrono>
#include <cstdlib>
#include <thread>

#include "cria/model/export.hpp"
#include "toy_engine.hpp"

namespace cria::train {
namespace {

llama2::hyperparameters shape;  // the last one that was checked

class slow_trainer final : public test::toy_trainer {
 public:
  explicit slow_trainer(int rows) : toy_trainer(parameters_of_shape(), rows), pause_(milliseconds()) {}

  double update(adamw const& how) override {
    std::this_thread::sleep_for(pause_);
    return toy_trainer::update(how);
  }

 private:
  std::chrono::milliseconds pause_;

  static int milliseconds() {
    char const* const value = std::getenv("TOY_MILLISECONDS");
    return value ? std::atoi(value) : 0;
  }
  static std::vector<parameter> parameters_of_shape() {
    std::vector<parameter> all;
    for (auto const& [w, layer] : llama2::places_of(shape)) all.push_back({w.name, layer, {w.rows, w.cols}, true});
    return all;
  }
};

[[maybe_unused]] bool const added = add_model_type(
    {"f32", [](llama2::hyperparameters const& h, std::string_view) { shape = h; },
     [](engine_options const& o) -> std::unique_ptr<engine> { return std::make_unique<slow_trainer>(o.rows); }});

}  // namespace
}  // namespace cria::train
