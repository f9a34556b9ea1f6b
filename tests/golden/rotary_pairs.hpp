#pragma once
// Rows of wq and wk in the two orders of rotary pairs: (2i, 2i + 1), Meta's and the library's, and (i, i + size/2), Hugging
// Face's.
#include <algorithm>
#include <cstddef>
#include <vector>

namespace cria::test {

namespace detail {
/// Moves each row of a head of `size` rows to its place in the other order, or back.
inline std::vector<float> reordered(std::vector<float> const& values, int cols, int size, bool to_halves) {
  std::vector<float> out(values.size());
  std::size_t const width = std::size_t(cols), n = std::size_t(size);
  for (std::size_t r = 0; r < values.size() / width; ++r) {
    std::size_t const i = r % n, other = r - i + i % 2 * (n / 2) + i / 2, from = to_halves ? r : other,
                      to = to_halves ? other : r;
    std::copy_n(values.begin() + std::ptrdiff_t(from * width), cols, out.begin() + std::ptrdiff_t(to * width));
  }
  return out;
}
}  // namespace detail

inline std::vector<float> halves_paired(std::vector<float> const& meta, int cols, int size) {
  return detail::reordered(meta, cols, size, true);
}
inline std::vector<float> neighbours_paired(std::vector<float> const& hf, int cols, int size) {
  return detail::reordered(hf, cols, size, false);
}

}  // namespace cria::test
