#pragma once
// Low-rank adapters (Hu et al. 2021, arXiv 2106.09685) as a user writes them: a variant's attention with W + 2 B A for
// queries.
#include "cria/graph/program.hpp"
#include "cria/model/config.hpp"

namespace cria::test {

struct lora_a {
  static constexpr char name[] = "lora_a";
};
struct lora_b {
  static constexpr char name[] = "lora_b";
};
struct lora_rank {
  static constexpr char name[] = "lora_rank";
};
using R = axis<lora_rank, 4>;

struct lora_scale {
  static constexpr char name[] = "lora_scale";
  static constexpr auto apply(auto x) { return 2 * x; }
  template <int>
  static constexpr auto derivative(auto x) {
    return 0 * x + 2;
  }
};

template <class D>
struct adapted_attention {
  using E = typename D::embed;
  using Q = typename D::query;
  using KV = typename D::kv;
  static constexpr auto forward(auto h) {
    auto low = map<lora_scale>(matmul(matmul(h, weight<lora_a, R, E>), weight<lora_b, Q, R>));
    auto q = rope(matmul(h, weight<nn::wq, Q, E>) + low);
    return matmul(cria::attention(q, rope(matmul(h, weight<nn::wk, KV, E>)), matmul(h, weight<nn::wv, KV, E>)),
                  weight<nn::wo, E, Q>);
  }
};

template <class Config>
struct adapted : Config {
  template <class D>
  using attention = adapted_attention<D>;
};
using adapters = train_weights::only<lora_a, lora_b>;
/// Everything but the adapters in 4-bit blocks.
using frozen_blocks = policy::exact<formats<q4_0, stored<lora_a, f32>, stored<lora_b, f32>>>;

}  // namespace cria::test
