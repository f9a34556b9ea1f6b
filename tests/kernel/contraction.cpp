// Contractions of every format at odd sizes, bit for bit the chain that kernel/contraction/dot.hpp documents.
#include <bit>
#include <catch2/catch_template_test_macros.hpp>

#include "kernel/check.hpp"
#include "kernel/runner.hpp"

using namespace cria;
using namespace cria::test;

namespace {

struct in {};
struct out {};
struct w { static constexpr char name[] = "w"; };

/// x w^T
template <int Out, int In> struct multiply {
  using input = shape<tokens, axis<in, In>>;
  static constexpr auto forward(auto x) { return matmul(x, weight<w, axis<out, Out>, axis<in, In>>); }
};

template <int Out, int In, class Format> using exact = forward_of<multiply<Out, In>, policy::exact<formats<Format>>>;
template <int Out, int In, class Format> using fast = forward_of<multiply<Out, In>, policy::fast<formats<Format>>>;

/// acc = fma(w, x, acc) for each input in order.
std::vector<float> chain(matrix const& x, matrix const& weights) {
  std::vector<float> y;
  for (int r = 0; r < x.rows; ++r)
    for (int o = 0; o < weights.rows; ++o) {
      float sum = 0;
      for (int k = 0; k < x.cols; ++k) sum = std::fma(float(weights(o, k)), float(x(r, k)), sum);
      y.push_back(sum);
    }
  return y;
}

/// 32 weights as their format's bytes say: codes, the scale of each half, minimum.
struct coded {
  int code[32];
  float scale[2], minimum;
};

/// Weights 32 sub .. of a block, read as ggml-common.h lays it out, value by value.
template <class F> coded decode_block(std::byte const* b, int sub) {
  using cria::detail::load_f16;
  constexpr dtype t = F::id;
  coded c{};
  auto const bits = [&](int at, int shift, int count) { return int(b[at]) >> shift & ((1 << count) - 1); };
  bool const bytes = t == dtype::q8_0 || t == dtype::q8_f32, minimum = t == dtype::q4_1 || t == dtype::q5_1;
  int const head = F::bytes - (bytes ? 32 : 16);
  c.scale[0] = c.scale[1] = t == dtype::q8_f32 ? cria::detail::load_f32(b) : load_f16(b);
  if (minimum) c.minimum = load_f16(b + 2);
  if (t == dtype::q4_k || t == dtype::q5_k) {
    int const scale = sub < 4 ? bits(4 + sub, 0, 6) : bits(8 + sub, 0, 4) + 16 * bits(sub, 6, 2);
    int const least = sub < 4 ? bits(8 + sub, 0, 6) : bits(8 + sub, 4, 4) + 16 * bits(4 + sub, 6, 2);
    c.scale[0] = c.scale[1] = load_f16(b) * float(scale), c.minimum = -load_f16(b + 2) * float(least);
  }
  if (t == dtype::q6_k)
    for (int h = 0; h < 2; ++h) c.scale[h] = load_f16(b + 208) * float(std::int8_t(b[192 + 2 * sub + h]));
  for (int i = 0; i < 32; ++i) {
    int& code = c.code[i];
    if (bytes) code = std::int8_t(b[head + i]);
    else if (F::block == 32) code = bits(head + i % 16, i / 16 * 4, 4) - (t == dtype::q4_0 ? 8 : 0);
    else if (t == dtype::q6_k)
      code = bits(sub / 4 * 64 + sub % 2 * 32 + i, sub % 4 / 2 * 4, 4) + 16 * bits(128 + sub / 4 * 32 + i, sub % 4 * 2, 2) - 32;
    else code = bits(F::bytes - 128 + sub / 2 * 32 + i, sub % 2 * 4, 4);
    if (t == dtype::q5_0 || t == dtype::q5_1) code += 16 * bits(head - 4 + i / 8, i % 8, 1) - (t == dtype::q5_0 ? 16 : 0);
    if (t == dtype::q5_k) code += 16 * bits(16 + i, sub, 1);
  }
  return c;
}

/// Exact whole numbers for each block of 32 (of 16 for q6_k), then acc = fma(sum, scale * scale, acc), and for a minimum acc =
/// fma(minimum, scale * (sum of x), acc).
template <class F> std::vector<float> int8_chain(matrix const& x, std::vector<std::byte> const& file, int outs) {
  std::vector<float> y;
  bool const halves = F::id == dtype::q6_k,
             minimum = F::id == dtype::q4_1 || F::id == dtype::q5_1 || F::id == dtype::q4_k || F::id == dtype::q5_k;
  int const blocks = x.cols / 32, subs = F::block / 32;
  for (int r = 0; r < x.rows; ++r)
    for (int o = 0; o < outs; ++o) {
      float acc = 0;
      for (int b = 0; b < blocks; ++b) {
        coded const c = decode_block<F>(file.data() + (o * blocks + b) / subs * F::bytes, b % subs);
        float largest = 0;
        for (int i = 0; i < 32; ++i) largest = std::max(largest, std::abs(float(x(r, b * 32 + i))));
        float const inverse = largest > 0 ? 127 / largest : 0, scale = largest / 127;
        int dot[2] = {}, sum = 0;
        for (int i = 0; i < 32; ++i) {
          int const code = int(std::nearbyint(float(x(r, b * 32 + i)) * inverse));
          dot[halves ? i / 16 : 0] += code * c.code[i], sum += code;
        }
        for (int h = 0; h < 1 + halves; ++h) acc = std::fma(float(dot[h]), c.scale[h] * scale, acc);
        if (minimum) acc = std::fma(c.minimum, scale * float(sum), acc);
      }
      y.push_back(acc);
    }
  return y;
}

/// Whether `y` is as near to the products in f64 as rounding rows to int8 allows: a value of a block is off by half a step at
/// most, which is its largest magnitude / 127, and what is off meets every weight of the block. f32 adds 2^-24 of the magnitudes
/// for each of the chain's steps, two for a block, and 2^-22 for the products of scales.
bool within_rounding(std::vector<float> const& y, matrix const& x, matrix const& weights) {
  for (int r = 0; r < x.rows; ++r)
    for (int o = 0; o < weights.rows; ++o) {
      double exact = 0, bound = 0, magnitude = 0;
      for (int b = 0; b < x.cols; b += 32) {
        double largest = 0, of_weights = 0;
        for (int k = b; k < b + 32; ++k) {
          exact += x(r, k) * weights(o, k), magnitude += std::abs(x(r, k) * weights(o, k));
          largest = std::max(largest, std::abs(x(r, k))), of_weights += std::abs(weights(o, k));
        }
        bound += largest / 254 * of_weights, magnitude += largest * of_weights;
      }
      double const found = y[std::size_t(r * weights.rows + o)];
      if (!(std::abs(found - exact) <= bound + magnitude * (x.cols / 16 + 4) * 0x1p-24)) return false;
    }
  return true;
}

bool same_bits(std::vector<float> const& a, std::vector<float> const& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

constexpr int row_counts[]{1, 2, 7, 8, 9, 31, 32, 33, 40};

template <class P, class Chain> void check_chain(Chain const& expected) {
  for (int const threads : {1, 2}) {
    runner<P> r(40, 1, 16, threads);
    for (int const rows : row_counts) {
      auto const s = in_turns({rows});
      auto x = runner<P>::inputs(s);
      if (rows > 2)
        for (int k = 0; k < std::min(32, x[0].cols); ++k) x[0](1, k) = 0;  // a block without a scale
      INFO(rows << " rows, " << threads << " threads");
      CHECK(same_bits(r.run(s, x)[0], expected(x[0])));
    }
  }
}

template <class P> void check_exact() {
  auto const weights = runner<P>::weight("w");
  check_chain<P>([&](matrix const& x) { return chain(x, weights); });
  check_against_interpreter<P>({in_turns({1}), in_turns({33})}, 1e-6);
}

}  // namespace

TEST_CASE("f32 contractions of odd sizes") {
  check_exact<exact<23, 37, f32>>();
  check_exact<exact<2, 3, f32>>();
  check_exact<exact<50, 130, f32>>();
}

TEMPLATE_TEST_CASE("contractions of 16-bit weights", "", f16, bf16) { check_exact<exact<23, 37, TestType>>(); }

TEMPLATE_TEST_CASE("contractions of weights in blocks with f32 activations", "", q8_0, q4_0, q4_1, q8_f32, q5_0, q5_1, q4_k, q5_k,
                   q6_k) {
  check_exact<exact<23, TestType::block == 32 ? 96 : 512, TestType>>();
}

TEMPLATE_TEST_CASE("contractions of weights in blocks with int8 activations", "", q8_0, q4_0, q4_1, q8_f32, q5_0, q5_1, q4_k,
                   q5_k, q6_k) {
  using P = fast<35, TestType::block == 32 ? 96 : 512, TestType>;
  auto const file = runner<P>::file("w");
  check_chain<P>([&](matrix const& x) { return int8_chain<TestType>(x, file, 35); });
  check_against_interpreter<P>({in_turns({33})}, 0.02);
  auto const s = in_turns({5});
  auto const x = runner<P>::inputs(s);
  runner<P> r(40, 1, 16, 1);
  CHECK(within_rounding(r.run(s, x)[0], x[0], runner<P>::weight("w")));
}

TEST_CASE("policy fast multiplies weights that are no blocks like exact") {
  using P = fast<23, 37, f16>;
  auto const weights = runner<P>::weight("w");
  check_chain<P>([&](matrix const& x) { return chain(x, weights); });
}

TEST_CASE("gradients of contractions of odd sizes, with weights of any format") {
  for (int const rows : {1, 9, 33, 40}) {
    check_block<multiply<23, 37>>({rows});
    check_block<multiply<35, 96>, policy::exact<formats<q4_1>>>({rows});
  }
}
