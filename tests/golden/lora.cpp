// A model whose linear parts have biases and adapters, against what transformers and peft computed.
#include "cria/model/adapter.hpp"
#include "cria/model/checkpoint.hpp"
#include "cria/model/train_engine.hpp"
#include "cria/train/trained_weights.hpp"
#include "forward.hpp"
#include "golden_lora_type.hpp"

using namespace cria;
using adapted = nn::adapted<::model, 6, 9, nn::wq, nn::wk, nn::wo, nn::w1, nn::w2>;
using golden_case = test::forward_case<llama2::decoder<adapted>, ::policy, adapted::adapters>;

TEST_CASE("lora: logits and loss") { golden_case("lora").check_logits(); }

TEST_CASE("lora: the gradient of every A and B, and of nothing else") { golden_case("lora").check_gradients(); }

TEST_CASE("an adapter is trained on a file's model, written, and read again") {
  using engine_type = llama2::train_engine<llama2::decoder<adapted>, ::policy, keep::dear, adapted::adapters>;
  test::temporary_folder const folder;
  auto const open = [] { return llama2::checkpoint::open(test::golden("lora").string()); };
  auto file = open();
  CHECK_THROWS_AS(engine_type(file, {.rows = 32}, test::space()), error);  // no adapter
  file.attach(llama2::adapter::initial({6, 9, {"wq", "wk", "wo", "w1", "w2"}}, file.shape(), 5));
  engine_type engine(file, {.rows = 32}, test::space());
  std::vector<train::row> rows;
  for (int i = 0; i < 32; ++i) rows.push_back({i * i % 61, 0, i, (i * 7 + 3) % 61, 1.0f / 32});
  double const before = engine.loss(rows);
  for (int step = 1; step <= 5; ++step)
    engine.accumulate(rows), engine.update({.rate = 0.01, .beta1 = 0.9, .beta2 = 0.95, .epsilon = 1e-8, .step = step});
  double const after = engine.loss(rows);
  CHECK(after < 0.9 * before);
  llama2::write_adapter(folder.path() / "made", file.shape(), dtype::f32, train::trained_weights(engine, file), "");
  auto again = open();
  again.attach(llama2::adapter::open(folder.path() / "made", again.shape()));
  CHECK(engine_type(again, {.rows = 32}, test::space()).loss(rows) == after);
}
