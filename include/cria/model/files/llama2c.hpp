#pragma once
// A Llama in a llama2.c checkpoint. Its header knows neither rope theta nor epsilon: run.c has 1e4 and 1e-5.
#include "cria/io/llama2c.hpp"
#include "cria/model/files/stored.hpp"

namespace cria::llama2::detail {

inline hyperparameters read_shape(io::llama2c const& file) {
  auto const& s = file.shape();
  hyperparameters h;
  h.embed = s.dim, h.layers = s.layers, h.heads = s.heads, h.kv_heads = s.kv_heads, h.head_dim = s.dim / s.heads;
  h.hidden = s.hidden, h.vocabulary = s.vocabulary, h.context = s.context, h.tied = file.tied();
  check(h, file.path());
  return h;
}

inline stored_weights locate(io::llama2c const& file, hyperparameters const& h) {
  static_assert(int(weight_name::head) == int(io::llama2c_tensor::head) &&
                int(weight_name::w3) == int(io::llama2c_tensor::w3));
  stored_weights weights;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weight_name(i) == weight_name::head && h.tied) continue;
    for (int layer = 0; layer < (once(weight_name(i)) ? 1 : h.layers); ++layer) {
      auto const& t = file.at(io::llama2c_tensor(i), layer);
      int const group = t.scales.empty() ? 0 : file.group();
      bool const blocks = group > 0 && group % 32 == 0 && t.columns % 32 == 0;
      weights[i].push_back({blocks ? dtype::q8_f32 : dtype::f32, t.bytes, t.scales, group});
    }
  }
  return weights;
}

}  // namespace cria::llama2::detail
