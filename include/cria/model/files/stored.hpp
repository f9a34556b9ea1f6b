#pragma once
// What the readers of the file formats tell the checkpoint: where each weight lies and in which form.
#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/io/byte_reader.hpp"
#include "cria/model/hyperparameters.hpp"

namespace cria::llama2::detail {

/// One weight in a file: `bytes` in `format`, or, where there are `scales`, int8 with one f32 scale per `group` values.
struct stored {
  dtype format = dtype::f32;
  std::span<std::byte const> bytes, scales = {};
  int group = 0;
  bool halves_paired = false;  // rows of a head in Hugging Face's order: rotary pairs (i, i + head_dim/2)
};

/// [weight][layer]; weights that exist once have one layer.
using stored_weights = std::array<std::vector<stored>, weight_names.size()>;

/// The formats of a weight's layers: f32, which holds the values of all others, where some are not in blocks or there are too many.
inline layer_formats formats_of(std::vector<stored> const& layers) {
  std::map<dtype, int> count;
  for (auto const& s : layers) ++count[s.format];
  layer_formats f = layers[0].format;
  if (count.size() == 1) return f;
  bool const blocks = std::ranges::all_of(count, [](auto const& c) { return facts(c.first).quantised() && c.first != dtype::q8_f32; });
  if (!blocks || count.size() > layer_formats::most) return dtype::f32;
  f.count = 0;
  for (auto const& [type, n] : count) f.type[std::size_t(f.count)] = type, f.layers[std::size_t(f.count++)] = short(n);
  return f;
}

constexpr bool once(weight_name n) {
  return n == weight_name::embed || n == weight_name::norm || n == weight_name::head;
}
constexpr bool is_norm(weight_name n) {
  return n == weight_name::attention_norm || n == weight_name::ffn_norm || n == weight_name::norm;
}

/// [out, in] of a weight; [1, embed] of a norm.
constexpr std::array<int, 2> shape_of(hyperparameters const& h, weight_name n) {
  using enum weight_name;
  int const q = h.heads * h.head_dim, kv = h.kv_heads * h.head_dim;
  switch (n) {
    case embed:
    case head: return {h.vocabulary, h.embed};
    case wq: return {q, h.embed};
    case wk:
    case wv: return {kv, h.embed};
    case wo: return {h.embed, q};
    case w1:
    case w3: return {h.hidden, h.embed};
    case w2: return {h.embed, h.hidden};
    default: return {1, h.embed};
  }
}

/// Throws cria::error unless a decoder can have this shape.
inline void check(hyperparameters const& h, std::string_view file) {
  constexpr int most = 1 << 24;
  auto const within = [&](std::string_view name, int n) {
    if (n < 1 || n > most) throw error(file, name, fmt::format("1 to {}", most), std::to_string(n));
  };
  within("width", h.embed), within("number of layers", h.layers), within("number of heads", h.heads);
  within("number of kv heads", h.kv_heads), within("width of a head", h.head_dim),
      within("width of the feed-forward part", h.hidden);
  within("size of the vocabulary", h.vocabulary), within("length of the context", h.context);
  if (h.heads % h.kv_heads != 0)
    throw error(file, "number of heads", fmt::format("a multiple of the {} kv heads", h.kv_heads),
                std::to_string(h.heads));
  if (h.head_dim % 2 != 0)
    throw error(file, "width of a head", "an even number, for rotary pairs", std::to_string(h.head_dim));
  if (std::int64_t(h.heads) * h.head_dim > most)
    throw error(file, "width of all heads", fmt::format("at most {}", most),
                std::to_string(std::int64_t(h.heads) * h.head_dim));
  if (!(h.rope_theta > 0) || !(h.rope_theta < 1e30))
    throw error(file, "rope theta", "a positive number", fmt::format("{}", h.rope_theta));
  if (!(h.norm_eps >= 0) || !(h.norm_eps < 1))
    throw error(file, "epsilon of the norms", "0 to 1", fmt::format("{}", h.norm_eps));
}

inline std::string extents(std::vector<std::uint64_t> const& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

}  // namespace cria::llama2::detail
