#pragma once
// A Llama in a llama2.c checkpoint. Its header knows neither rope theta nor epsilon: run.c has 1e4 and 1e-5.
#include <algorithm>
#include <array>
#include <string_view>

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
  static constexpr std::array<std::string_view, 12> names{"embed", "attention_norm", "wq", "wk", "wv",   "wo",
                                                          "ffn_norm", "w1", "w2", "w3", "norm", "head"};  // as io::llama2c_tensor
  stored_weights weights;
  for (auto const& [w, layer] : places_of(h)) {
    auto const tensor = io::llama2c_tensor(std::ranges::find(names, w.name) - names.begin());
    auto const& t = file.at(tensor, layer);
    int const group = t.scales.empty() ? 0 : file.group();
    bool const blocks = group > 0 && group % 32 == 0 && t.columns % 32 == 0;
    weights[w.name].push_back({blocks ? dtype::q8_f32 : dtype::f32, t.bytes, t.scales, group});
  }
  return weights;
}

}  // namespace cria::llama2::detail
