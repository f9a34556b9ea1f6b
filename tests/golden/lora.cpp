// A model whose linear parts have biases and adapters, against what transformers and peft computed.
#include "golden_lora_type.hpp"
#include "forward.hpp"

using namespace cria;
using adapted = nn::adapted<model, 6, 9, nn::wq, nn::wk, nn::wo, nn::w1, nn::w2>;
using golden_case = test::forward_case<llama2::decoder<adapted>, policy, adapted::adapters>;

TEST_CASE("lora: logits and loss") { golden_case("lora").check_logits(); }

TEST_CASE("lora: the gradient of every A and B, and of nothing else") { golden_case("lora").check_gradients(); }
