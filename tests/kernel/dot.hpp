#pragma once
// dot() of any lanes against its portable twin: one lane, one row and one column at a time.
#include <algorithm>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <random>
#include <vector>

#include "cria/kernel/contraction/dot.hpp"

namespace cria::test {

/// What weights and activations are made of.
enum class numbers_of { any, extremes };

/// Bytes of `rows` rows of a file in format F: codes are any bytes or the most extreme ones, scales and floats are finite.
template <class F> std::vector<std::byte> any_file(int rows, int cols, numbers_of kind, std::mt19937& random) {
  constexpr dtype t = F::id;
  std::vector<std::byte> file(bytes_of(t, std::size_t(rows * cols)));
  for (std::byte& b : file)
    b = std::byte(kind == numbers_of::any ? random() : t == dtype::q8_0 || t == dtype::q8_f32 ? 0x80u : 0xffu);
  auto const put = [&](std::size_t at, auto bits) { std::memcpy(file.data() + at, &bits, sizeof bits); };
  auto const number = [&] { return float(std::int32_t(random())) * 0x1p-34f; };  // to 1/8
  auto const scale = [&] { return std::uint16_t(random() & (random() % 4 == 0 ? 0x83ffu : 0xbbffu)); };  // every fourth denormal
  for (std::size_t at = 0; at < file.size(); at += F::bytes) {
    if constexpr (t == dtype::f32 || t == dtype::q8_f32) put(at, number());
    else if constexpr (t == dtype::bf16) put(at, f32_to_bf16(number()));
    else put(at + (t == dtype::q6_k ? 208 : 0), scale());
    if constexpr (t == dtype::q4_1 || t == dtype::q5_1 || t == dtype::q4_k || t == dtype::q5_k) put(at + 2, f32_to_f16(number()));
  }
  return file;
}

/// A packed matrix and rows to multiply it with.
template <class F, bool Int8> class dot_problem {
 public:
  static constexpr int tiles = 4, columns = tiles * kernel::tile_rows, depth = F::block == 256 ? 512 : 160, most_rows = 8;

  /// `gap` bytes lie between two tiles.
  dot_problem(numbers_of kind, std::size_t gap) : stride_(kernel::tile_bytes(F::id, depth) + gap), packed_(stride_ * tiles) {
    auto const file = any_file<F>(columns, depth, kind, random_);
    for (int t = 0; t < tiles; ++t) {
      std::size_t const begin = file.size() / tiles * std::size_t(t);
      kernel::pack_tile(F::id, file.data() + begin, packed_.data() + std::size_t(t) * stride_, kernel::tile_rows, depth, 0);
    }
    for (float& x : rows_) x = kind == numbers_of::any ? float(std::int32_t(random_())) * 0x1p-31f : random_() & 1 ? 1.5f : -1.5f;
    for (float& x : before_) x = float(std::int32_t(random_())) * 0x1p-28f;
    std::vector<float> one(panel_size(1));
    for (int n = 0; n < most_rows; ++n) {
      auto const panel = fill<1>(one, n);
      for (int c = 0; c < columns; ++c) {
        float& sum = twin_[n * columns + c] = before_[n * columns + c];
        kernel::tile_run const own{tile(c / kernel::tile_rows), 0};
        kernel::dot<F::id, Int8, kernel::scalar_lane, 1, 1>(own, c % kernel::tile_rows, panel, 0, depth, &sum, 1);
      }
    }
  }

  /// Whether N rows and L columns from `first` on have the twin's bits, with the inputs cut at `cuts`, and nothing else is
  /// written.
  template <class V, int L, int N> bool right(int first, int row_stride, std::vector<int> const& cuts) const {
    float const untouched = -77;
    std::vector<float> to(std::size_t(N * row_stride), untouched), memory(panel_size(N));
    for (int n = 0; n < N; ++n) std::copy_n(before_ + n * columns + first, L, to.begin() + n * row_stride);
    auto const panel = fill<N>(memory, 0);
    for (std::size_t i = 0; i + 1 < cuts.size(); ++i)
      kernel::dot<F::id, Int8, V, L, N>({tile(first / kernel::tile_rows), stride_}, first % kernel::tile_rows, panel, cuts[i],
                                        cuts[i + 1], to.data(), row_stride);
    bool equal = true;
    for (int n = 0; n < N; ++n) {
      equal = equal && std::memcmp(to.data() + n * row_stride, twin_ + n * columns + first, L * sizeof(float)) == 0;
      for (int c = L; c < row_stride; ++c) equal = equal && to[std::size_t(n * row_stride + c)] == untouched;
    }
    return equal;
  }

  /// The same with and without a gap behind a row, from the first tile and a later one, in one go and in chunks.
  template <class V, int L, int N> void check() const {
    std::vector<std::vector<int>> ways{{0, depth}, {0, 32, 128, depth}};
    if (depth > 288) ways.push_back({0, 96, 288, depth});  // cuts within blocks of 256
    if (!F::quantised) ways.push_back({0, 1, 38, 159, depth});
    INFO("L " << L << ", N " << N);
    for (int const first : {0, columns - L})
      for (int const row_stride : {L, L + 16})
        for (auto const& cuts : ways) CHECK(right<V, L, N>(first, row_stride, cuts));
  }

 private:
  std::mt19937 random_{7};
  std::size_t stride_;
  std::vector<std::byte> packed_;
  float rows_[most_rows * depth], before_[most_rows * columns], twin_[most_rows * columns];

  static std::size_t panel_size(int rows) { return kernel::panel_floats(!Int8, Int8, rows, depth); }
  std::byte const* tile(int t) const { return packed_.data() + std::size_t(t) * stride_; }

  /// A panel of N rows from `first` on.
  template <int N> kernel::panel_group fill(std::vector<float>& memory, int first) const {
    auto const p = kernel::group_at(memory.data(), !Int8, Int8, N, depth, 0);
    for (int n = 0; n < N; ++n)
      for (int b = 0; b < depth / 32; ++b) {
        float x[32];
        std::copy_n(rows_ + (first + n) * depth + b * 32, 32, x);
        if constexpr (Int8) kernel::quantise_block<kernel::scalar_lane>(x, p.int8, b, n, N);
        else
          for (int k = 0; k < 32; ++k) p.floats[(b * 32 + k) * N + n] = x[k];
      }
    return p;
  }
};

/// All shapes in which kernels call dot() with lanes V, and two in which a device's threads do.
template <class V, class F, bool Int8> void check_lanes(dot_problem<F, Int8> const& p) {
  INFO(V::width << " lanes, " << facts(F::id).name << (Int8 ? ", int8" : ""));
  p.template check<V, 16, 1>(), p.template check<V, 32, 1>(), p.template check<V, 64, 1>();
  p.template check<V, 32, 4>(), p.template check<V, 16, 4>(), p.template check<V, 32, 6>(), p.template check<V, 32, 8>();
}
template <class F, bool Int8> void check_dot() {
  using namespace kernel;
  for (auto const kind : {numbers_of::any, numbers_of::extremes})
    for (std::size_t const gap : {0u, 48u}) {
      dot_problem<F, Int8> const p(kind, gap);
      INFO((kind == numbers_of::any ? "any numbers" : "extremes") << ", gap " << gap);
      p.template check<scalar_lane, 1, 4>(), p.template check<scalar_lane, 2, 8>();
      check_lanes<vector_lanes<4>>(p), check_lanes<vector_lanes<8>>(p), check_lanes<vector_lanes<16>>(p);
    }
}

}  // namespace cria::test
