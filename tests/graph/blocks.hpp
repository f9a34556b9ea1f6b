#pragma once
// Blocks that the tests of graphs share: small ones for numbers, Llama's for structure.
#include "cria/model/config.hpp"

namespace cria::test {

using namespace nn;

struct narrow {
  static constexpr char name[] = "narrow";
};
struct wide {
  static constexpr char name[] = "wide";
};
using E = axis<narrow, 8>;
using H = axis<wide, 12>;
using Q = heads<llama2::axes::query, 2, 4>;
using KV = heads<llama2::axes::kv, 1, 4>;

/// A block of one expression: F::forward with rows of E.
struct of_rows {
  using input = shape<tokens, E>;
};

/// A map from outside the library, usable with float and double.
struct cube {
  static constexpr char name[] = "cube";
  static constexpr auto apply(auto x) { return x * x * x; }
  template <int> static constexpr auto derivative(auto x) { return 3 * x * x; }
};

/// A whole layer of grouped-query attention, small enough for finite differences.
struct tiny : llama2::config<8, 2, 2, 1, 12, 20, 16> {};
using tiny_layer = block_stage<tiny>;

struct adds : of_rows {
  static constexpr auto forward(auto x) { return x + matmul(x, weight<wo, E, E>); }
};
struct multiplies : of_rows {
  static constexpr auto forward(auto x) { return x * matmul(x, weight<wo, E, E>); }
};
struct squares : of_rows {
  static constexpr auto forward(auto x) { return x * x + x; }
};
struct passes : of_rows {
  static constexpr auto forward(auto x) { return x; }
};
struct gates : of_rows {
  static constexpr auto forward(auto x) { return silu(matmul(x, weight<w1, H, E>)) * matmul(x, weight<w3, H, E>); }
};
struct norms : of_rows {
  static constexpr auto forward(auto x) { return cria::rms_norm(x, weight<norm, E>, 1e-2); }
};
struct norms_twice : of_rows {
  static constexpr auto forward(auto x) { return cria::rms_norm(cria::rms_norm(x, weight<norm, E>), weight<norm, E>); }
};
struct turns : of_rows {
  static constexpr auto forward(auto x) { return rope(matmul(x, weight<wq, Q, E>), 10.0); }
};
/// Two rotations, one of them scaled as Llama 3's, so that both its ends and its bend are met in 4 pairs.
struct turns_slowly : of_rows {
  static constexpr rotation slowed{.theta = 10, .factor = 8, .low = 1, .high = 4, .original_context = 30};
  using one_head = heads<llama2::axes::query, 1, 8>;
  static constexpr auto forward(auto x) {
    auto const q = matmul(x, weight<wq, one_head, E>);
    return rope(q, slowed) + rope(silu(rope(matmul(x, weight<wo, one_head, E>), 10.0)), slowed);
  }
};
struct attends : of_rows {
  static constexpr auto forward(auto x) {
    auto const kv = matmul(x, weight<wk, KV, E>);
    return cria::attention(matmul(x, weight<wq, Q, E>), rope(kv), kv);
  }
};
struct attends_near : of_rows {  // to two positions
  static constexpr auto forward(auto x) {
    auto const kv = matmul(x, weight<wk, KV, E>);
    return cria::attention(rope(matmul(x, weight<wq, Q, E>)), rope(kv), kv, 2);
  }
};
struct cubes : of_rows {
  static constexpr auto forward(auto x) { return map<cube>(x) + map<cube>(matmul(x, weight<wo, E, E>)); }
};
struct scales : of_rows {  // a gain and a bias
  static constexpr auto forward(auto x) { return matmul(x, weight<wo, E, E>) * weight<norm, E> + weight<ffn_norm, E>; }
};
struct shares : of_rows {  // one weight, read twice
  static constexpr auto forward(auto x) { return matmul(silu(matmul(x, weight<wo, E, E>)), weight<wo, E, E>); }
};
struct loses : of_rows {  // the cross-entropy of logits
  static constexpr auto forward(auto x) { return cross_entropy(matmul(x, weight<head, H, E>)); }
};
struct looks_up {
  using input = token_ids;
  static constexpr auto forward(auto ids) {
    return silu(cria::embedding(ids, weight<nn::embed, axis<llama2::axes::vocabulary, 6>, E>));
  }
};

struct centres : of_rows {
  static constexpr auto forward(auto x) { return cria::layer_norm(x, weight<norm, E>, weight<ffn_norm, E>, 1e-2); }
};
struct stretches : of_rows {  // a number on either side, and a norm without a weight
  static constexpr auto forward(auto x) { return x * 2.5 + normalise(-0.3 * matmul(x, weight<wo, E, E>), 1e-3); }
};
struct gates_smoothly : of_rows {
  static constexpr auto forward(auto x) { return gelu_tanh(2.0 * matmul(x, weight<w1, H, E>)) * matmul(x, weight<w3, H, E>); }
};
/// A layer of GPT-2's kind: layer norms and biases, no rotation.
struct biased_layer : of_rows {
  static constexpr auto forward(auto x) {
    auto const n = cria::layer_norm(x, weight<attention_norm, E>, weight<norm, E>);
    auto const k = matmul(n, weight<wk, KV, E>), v = matmul(n, weight<wv, KV, E>);
    auto const h = x + matmul(cria::attention(matmul(n, weight<wq, Q, E>), k, v), weight<wo, E, Q>) + weight<ffn_norm, E>;
    auto const f = cria::layer_norm(h, weight<attention_norm, E>, weight<norm, E>);
    return h + matmul(gelu_tanh(matmul(f, weight<w1, H, E>)), weight<w2, E, H>);
  }
};
/// Queries and keys are normalised in each head, then rotated, as in Qwen 3.
struct heads_with_norms : of_rows {
  using size = axis<llama2::axes::query, 4>;
  struct q_norm {
    static constexpr char name[] = "q_norm";
  };
  struct k_norm {
    static constexpr char name[] = "k_norm";
  };
  static constexpr auto forward(auto x) {
    auto const n = cria::rms_norm(x, weight<norm, E>);
    auto const q = rope(head_rms_norm(matmul(n, weight<wq, Q, E>), weight<q_norm, size>, 1e-3), 10.0);
    auto const k = rope(head_rms_norm(matmul(n, weight<wk, KV, E>), weight<k_norm, size>, 1e-3), 10.0);
    return x + matmul(cria::attention(q, k, matmul(n, weight<wv, KV, E>)), weight<wo, E, Q>);
  }
};
struct norms_heads : of_rows {  // as a prologue, three heads of 4
  using three = heads<llama2::axes::query, 3, 4>;
  static constexpr auto forward(auto x) {
    return matmul(head_rms_norm(matmul(x, weight<w1, three, E>), weight<heads_with_norms::q_norm, heads_with_norms::size>),
                  weight<w2, E, three>);
  }
};
struct wpe {
  static constexpr char name[] = "wpe";
};
struct places {  // tokens and positions, as in GPT-2
  using input = token_ids;
  static constexpr auto forward(auto ids) {
    return cria::embedding(ids, weight<nn::embed, axis<llama2::axes::vocabulary, 6>, E>) +
           silu(cria::embedding(cria::positions(ids), weight<wpe, axis<narrow, 35>, E>));
  }
};

}  // namespace cria::test
