#pragma once
// What the readers of the file formats tell the checkpoint: where each weight lies and in which form; and how rows come
// out of that.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/core/quantise.hpp"
#include "cria/io/byte_reader.hpp"
#include "cria/io/merged_tensor.hpp"
#include "cria/model/hyperparameters.hpp"

namespace cria::llama2 {

/// The order of the rows of wq and wk within a head: of pairs (2i, 2i+1), or of halves (i, i + head_dim/2).
enum class row_order { meta, hugging_face };

namespace detail {

/// One weight in a file. Most are rows in `format`, one span.
struct stored {
  dtype format = dtype::f32;
  std::span<std::byte const> bytes, scales = {};         // with scales: int8 with one f32 scale per `group` values
  int group = 0;
  bool halves_paired = false;                            // rows of a head in the order of rotary pairs (i, i + head_dim/2)
  int turned_width = 0,
      turned_first = 0;  // where not 0: [in, turned_width], and rows are columns from `turned_first` on
  io::merged_tensor const* merged = nullptr;             // instead of `bytes`: parts in several files, which must stay

  /// The rows as one span, in either order.
  bool is_rows() const { return scales.empty() && turned_width == 0 && merged == nullptr; }
  bool is_plain() const { return is_rows() && !halves_paired; }
};

/// By the weight's name; [layer], one where a weight exists once.
using stored_weights = std::map<std::string, std::vector<stored>, std::less<>>;

/// The formats of a weight's layers: f32, which holds the values of all others, where some are not in blocks or there
/// are too many.
inline layer_formats formats_of(std::vector<stored> const& layers) {
  std::map<dtype, int> count;
  for (auto const& s : layers) ++count[s.format];
  layer_formats f = layers[0].format;
  if (count.size() == 1) return f;
  bool const blocks =
      std::ranges::all_of(count, [](auto const& c) { return facts(c.first).quantised() && c.first != dtype::q8_f32; });
  if (!blocks || count.size() > layer_formats::most) return dtype::f32;
  f.count = 0;
  for (auto const& [type, n] : count) f.type[std::size_t(f.count)] = type, f.layers[std::size_t(f.count++)] = n;
  return f;
}

/// Where row r of wq or wk is in Hugging Face's order: of a pair (2i, 2i+1), first all first parts of the head, then all second.
constexpr std::size_t halves_row(std::size_t r, std::size_t head_dim) {
  auto const i = r % head_dim;
  return r - i + i % 2 * (head_dim / 2) + i / 2;
}

/// Rows `first` .. `first + count - 1` of `w` in f32, in the library's order.
inline void read_rows(stored const& from, weight_info const& w, int head_dim, int first, int count, std::span<float> to) {
  auto const width = std::size_t(w.cols);
  std::size_t const row_bytes = bytes_of(from.format, width);
  if (from.turned_width > 0) {
    auto const element = bytes_of(from.format, 1);
    std::vector<float> line(static_cast<std::size_t>(count));
    for (std::size_t c = 0; c < width; ++c) {
      auto const at = (c * std::size_t(from.turned_width) + std::size_t(from.turned_first + first)) * element;
      decode(from.format, from.bytes.subspan(at, line.size() * element), line);
      for (std::size_t r = 0; r < line.size(); ++r) to[r * width + c] = line[r];
    }
    return;
  }
  std::vector<std::byte> room;
  for (std::size_t r = 0; r < std::size_t(count); ++r) {
    auto const out = to.subspan(r * width, width);
    std::size_t const row = std::size_t(first) + r,
                      place = from.halves_paired && !w.vector ? halves_row(row, std::size_t(head_dim)) : row;
    if (!from.scales.empty()) {
      for (std::size_t i = 0; i < width; ++i) {
        auto const k = place * width + i;
        out[i] = float(std::int8_t(from.bytes[k])) * cria::detail::load_f32(from.scales.data() + k / std::size_t(from.group) * 4);
      }
    } else if (from.merged != nullptr) {
      decode(from.format, from.merged->row(place, room), out);
    } else {
      decode(from.format, from.bytes.subspan(place * row_bytes, row_bytes), out);
    }
    if (from.halves_paired && w.vector) {  // the values of the row belong to pairs
      std::vector<float> const in_halves(out.begin(), out.end());
      for (std::size_t i = 0; i < width; ++i) out[i] = in_halves[halves_row(i, std::size_t(head_dim))];
    }
  }
}

/// The width of a head where a file gives the model's, as `member`, and the number of heads.
inline int share_of_a_head(std::string_view file, std::string_view member, hyperparameters const& h) {
  if (h.heads < 1) throw error(file, "number of heads", "1 or more", std::to_string(h.heads));
  if (h.embed % h.heads != 0)
    throw error(file, member, fmt::format("a multiple of the {} heads", h.heads), std::to_string(h.embed));
  return h.embed / h.heads;
}

/// Throws cria::error unless a decoder can have this shape.
inline void check(hyperparameters const& h, std::string_view file) {
  constexpr int most = 1 << 24;
  auto const within = [&](std::string_view name, int n) {
    if (n < 1 || n > most) throw error(file, name, fmt::format("1 to {}", most), std::to_string(n));
  };
  within("width", h.embed), within("number of layers", h.layers), within("number of heads", h.heads);
  constexpr int most_layers = 1 << 14;  // lists of weights are made of this number
  if (h.layers > most_layers)
    throw error(file, "number of layers", fmt::format("1 to {}", most_layers), std::to_string(h.layers));
  within("number of kv heads", h.kv_heads), within("width of a head", h.head_dim),
      within("width of the feed-forward part", h.hidden);
  within("size of the vocabulary", h.vocabulary), within("length of the context", h.context);
  if (h.heads % h.kv_heads != 0)
    throw error(file, "number of heads", fmt::format("a multiple of the {} kv heads", h.kv_heads),
                std::to_string(h.heads));
  if (h.head_dim % 2 != 0 && !h.learned_positions)
    throw error(file, "width of a head", "an even number, for rotary pairs", std::to_string(h.head_dim));
  if (std::int64_t(h.heads) * h.head_dim > most)
    throw error(file, "width of all heads", fmt::format("at most {}", most),
                std::to_string(std::int64_t(h.heads) * h.head_dim));
  if (h.window < 0 || h.window > most)
    throw error(file, "window of attention", fmt::format("0 to {}", most), std::to_string(h.window));
  if (!(float(h.rope.theta) > 0) || !(h.rope.theta < 1e30))
    throw error(file, "rope theta", "a positive number", fmt::format("{}", h.rope.theta));
  if (!(h.rope.factor >= 1) || !(h.rope.factor < 1e6))
    throw error(file, "factor of the rotary scaling", "1 to a million", fmt::format("{}", h.rope.factor));
  if (h.rope.original_context != 0 &&
      !(h.rope.original_context > 0 && h.rope.low > 0 && h.rope.high > h.rope.low && h.rope.high < 1e6))
    throw error(file, "rotary scaling", "an original context and 0 < low < high frequency factor",
                fmt::format("{}, {} and {}", h.rope.original_context, h.rope.low, h.rope.high));
  if (!(h.norm_eps >= 0) || !(h.norm_eps < 1))
    throw error(file, "epsilon of the norms", "0 to 1", fmt::format("{}", h.norm_eps));
}

inline std::string extents(std::vector<std::uint64_t> const& shape) {
  constexpr std::size_t most = 8;
  if (shape.size() > most)
    return fmt::format("[{}, ...] of {} axes", fmt::join(std::span(shape).first(most), ", "), shape.size());
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

/// Throws cria::error for a tensor of the file `path` that is not `known(name)`.
template <class Tensors, class Known>
void refuse_others(std::string const& path, Tensors const& tensors, Known const& known, std::string_view expected) {
  for (auto const& t : tensors)
    if (!known(t.name)) throw error(path + ": " + io::printable(t.name), "tensor is not supported", expected, "another");
}

/// Slowest axis first; a vector has one.
inline std::vector<std::uint64_t> extents_of(weight_info const& w) {
  return w.vector ? std::vector{std::uint64_t(w.cols)} : std::vector{std::uint64_t(w.rows), std::uint64_t(w.cols)};
}

}  // namespace detail
}  // namespace cria::llama2
