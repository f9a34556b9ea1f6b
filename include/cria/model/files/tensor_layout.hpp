#pragma once
// The tensors of a file that is to be written: which weights each holds, in which order and form; and how they are
// made, a few rows at a time.
#include <algorithm>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cria/io/tensor_file.hpp"
#include "cria/model/weight_source.hpp"

namespace cria::llama2 {

/// The values of a weight, or of whole heads of it, or of something that there is for each of them, with its rows in
/// `order` instead of the other one; a vector's values are its rows.
inline std::vector<float> reordered(row_order order, hyperparameters const& h, weight_info const& w,
                                    std::vector<float> values) {
  auto const row = w.vector ? 1 : std::size_t(w.cols), width = std::size_t(h.head_dim);
  if (!w.rotated || values.size() % (row * width) != 0) return values;  // a wrong number is refused where it is written
  std::vector<float> out(values.size());
  for (std::size_t r = 0; r < values.size() / row; ++r) {
    auto to = detail::halves_row(r, width) * row, from = r * row;
    if (order == row_order::meta) std::swap(to, from);
    std::copy_n(&values[from], row, &out[to]);
  }
  return out;
}

struct tensor_layout {
  std::string name;
  dtype format;
  std::vector<std::uint64_t> shape;   // slowest axis first
  std::vector<weight_place> parts{};  // below each other, or, where turned, side by side
  bool turned = false;                // [in, out]
  row_order order = row_order::meta;
  float added = 0;  // to each value

  std::uint64_t values() const {
    std::uint64_t n = 1;
    for (auto const extent : shape) n *= extent;
    return n;
  }
};

inline std::uint64_t bytes_of(std::vector<tensor_layout> const& all) {
  std::uint64_t sum = 0;
  for (auto const& t : all) sum += bytes_of(t.format, t.values());
  return sum;
}

namespace detail {

/// The tensors of all weights of a model: `describe` gives each its tensor, with name, format, turned, order and added.
/// Weights with one name become parts of one tensor.
template <class Describe>
std::vector<tensor_layout> layout_of(hyperparameters const& h, Describe const& describe) {
  std::vector<tensor_layout> all;
  std::map<std::string, std::size_t> index;
  for (auto const& place : places_of(h)) {
    tensor_layout t = describe(place.weight, place.layer);
    t.shape = extents_of(place.weight);
    if (t.turned) std::swap(t.shape[0], t.shape[1]);
    auto const [found, added] = index.emplace(t.name, all.size());
    if (added)
      all.push_back(std::move(t));
    else
      all[found->second].shape[t.turned ? 1 : 0] += t.shape[t.turned ? 1 : 0];
    all[found->second].parts.push_back(place);
  }
  return all;
}

/// Writes one tensor. Bytes of the same format and order are copied; else rows of f32 pass through some MB of memory.
class tensor_maker {
 public:
  tensor_maker(hyperparameters const& h, weight_source const& source, tensor_layout const& t, io::tensor_sink& to)
      : h_(h), source_(source), t_(t), to_(to) {}

  void make() const {
    if (t_.turned)
      turned();
    else
      for (auto const& part : t_.parts) rows(part);
    for (auto const& part : t_.parts) source_.release(part.weight, part.layer);
  }

 private:
  static constexpr std::size_t at_once = 1 << 18;  // values
  hyperparameters const& h_;
  weight_source const& source_;
  tensor_layout const& t_;
  io::tensor_sink& to_;

  void add(std::vector<float>& values) const {
    if (t_.added != 0)  // a sum would make 0 of -0
      for (float& x : values) x += t_.added;
  }

  /// Where the part lies in a file as it should.
  stored const* as_it_is(weight_place const& part) const {
    auto const* const s = source_.in_file(part.weight, part.layer);
    bool const same = s != nullptr && s->format == t_.format && t_.added == 0 && s->scales.empty() && s->merged == nullptr;
    return same && (!part.weight.rotated || s->halves_paired == (t_.order == row_order::hugging_face)) ? s : nullptr;
  }

  void rows(weight_place const& part) const {
    auto const& w = part.weight;
    if (auto const* const s = as_it_is(part); s && s->is_rows()) return to_.bytes(s->bytes);
    std::size_t const columns = std::size_t(w.cols);
    bool const reorder = w.rotated && t_.order == row_order::hugging_face;
    int const unit = reorder && !w.vector ? h_.head_dim : 1;
    int const some = std::max(unit, int(at_once / columns) / unit * unit);
    std::vector<float> values;
    for (int first = 0; first < w.rows; first += some) {
      int const count = std::min(some, w.rows - first);
      values.resize(std::size_t(count) * columns);
      source_.read_rows(w, part.layer, first, count, values);
      add(values);
      if (reorder) values = reordered(row_order::hugging_face, h_, w, std::move(values));
      to_.values(values);
    }
  }

  /// The tensor of a file in which all parts lie side by side, or nothing.
  std::span<std::byte const> as_turned(std::size_t width) const {
    std::span<std::byte const> bytes;
    std::size_t first = 0;
    for (auto const& part : t_.parts) {
      auto const* const s = as_it_is(part);
      if (!s || std::size_t(s->turned_width) != width || std::size_t(s->turned_first) != first ||
          (first > 0 && s->bytes.data() != bytes.data()))
        return {};
      first += std::size_t(part.weight.rows), bytes = s->bytes;
    }
    return bytes;
  }

  /// Some columns of the parts at a time, and for each of them all rows are read.
  void turned() const {
    std::size_t const columns = t_.shape[0], width = t_.shape[1];
    if (auto const bytes = as_turned(width); !bytes.empty()) return to_.bytes(bytes);
    std::size_t const some = std::max<std::size_t>(1, 8 * at_once / width);
    int const rows_at_once = std::max(1, int(at_once / columns));
    std::vector<float> out, read;
    for (std::size_t begin = 0; begin < columns; begin += some) {
      std::size_t const end = std::min(columns, begin + some);
      out.resize((end - begin) * width);
      std::size_t place = 0;
      for (auto const& [w, layer] : t_.parts)
        for (int first = 0; first < w.rows; first += rows_at_once) {
          int const count = std::min(rows_at_once, w.rows - first);
          read.resize(std::size_t(count) * columns);
          source_.read_rows(w, layer, first, count, read);
          for (std::size_t r = 0; r < std::size_t(count); ++r, ++place)
            for (std::size_t c = begin; c < end; ++c) out[(c - begin) * width + place] = read[r * columns + c];
        }
      add(out);
      to_.values(out);
    }
  }
};

/// The source of a writer that is to write these tensors.
inline io::tensor_source source_of(hyperparameters const& h, weight_source const& source,
                                   std::vector<tensor_layout> const& all) {
  return [&h, &source, &all](std::size_t i, io::tensor_sink& to) { tensor_maker(h, source, all[i], to).make(); };
}

}  // namespace detail
}  // namespace cria::llama2
