// Contractions at the borders of their blocks of rows, units of columns and chunks of inputs: a row has the bits that it has
// alone.
#include <catch2/catch_template_test_macros.hpp>

#include "kernel/runner.hpp"

using namespace cria;
using namespace cria::test;

namespace {

struct in {};
struct out {};
struct queries {};
struct keys {};
struct w { static constexpr char name[] = "w"; };
struct w1 { static constexpr char name[] = "w1"; };
struct w3 { static constexpr char name[] = "w3"; };
struct wq { static constexpr char name[] = "wq"; };
struct wk { static constexpr char name[] = "wk"; };
struct wv { static constexpr char name[] = "wv"; };
struct gain { static constexpr char name[] = "gain"; };

/// One contraction.
template <int Out, int In> struct multiply {
  using input = shape<tokens, axis<in, In>>;
  static constexpr auto forward(auto x) { return matmul(x, weight<w, axis<out, Out>, axis<in, In>>); }
};
/// Row sums, and two contractions whose sums meet.
template <int Out, int In> struct gate {
  using E = axis<in, In>;
  using O = axis<out, Out>;
  using input = shape<tokens, E>;
  static constexpr auto forward(auto x) {
    auto const h = rms_norm(x, weight<gain, E>, 1e-5);
    return silu(matmul(h, weight<w1, O, E>)) * matmul(h, weight<w3, O, E>);
  }
};
/// Three contractions that stay apart; attention sees their bits.
template <int Heads, int KvHeads, int Size, int In> struct attend {
  using E = axis<in, In>;
  using Q = heads<queries, Heads, Size>;
  using KV = heads<keys, KvHeads, Size>;
  using input = shape<tokens, E>;
  static constexpr auto forward(auto x) {
    return attention(rope(matmul(x, weight<wq, Q, E>), 100.0), rope(matmul(x, weight<wk, KV, E>), 100.0),
                     matmul(x, weight<wv, KV, E>));
  }
};

template <class Model, class... Formats> using exact = forward_of<Model, policy::exact<formats<Formats...>>>;
template <class Model, class... Formats> using fast = forward_of<Model, policy::fast<formats<Formats...>>>;

constexpr int most_rows = 256, room = 16;

/// The first rows of 16 sequences, position by position.
step rows_of(int begin, int end) {
  step s;
  for (int r = begin; r < end; ++r) s.token.push_back(0), s.sequence.push_back(r % 16), s.position.push_back(r / 16);
  return s;
}

/// Rows [begin, end) of the one input.
template <class P> std::vector<float> run(runner<P>& r, matrix const& x, int begin, int end) {
  matrix part(end - begin, x.cols);
  std::copy(x.at.begin() + begin * x.cols, x.at.begin() + end * x.cols, part.at.begin());
  return r.run(rows_of(begin, end), {part})[0];
}

}  // namespace

TEMPLATE_TEST_CASE("a row of many has its own bits, whatever the blocks", "", (exact<multiply<172, 160>, f32>),
                   (exact<multiply<23, 161>, f16>), (exact<multiply<33, 160>, q4_1>), (exact<multiply<16, 129>, bf16>),
                   (fast<multiply<48, 1056>, q8_0>), (fast<multiply<80, 1056>, q4_0>), (fast<multiply<32, 1056>, q4_1>),
                   (fast<multiply<172, 96>, q8_f32>), (fast<gate<64, 1056>, q4_0, stored<w3, f16>>),
                   (exact<gate<172, 160>, f32, stored<w1, q8_0>>),
                   (fast<attend<3, 1, 20, 1056>, q4_0, stored<wk, f16>, stored<wv, q8_0>>),
                   (fast<attend<5, 5, 16, 64>, f32, stored<wq, q4_1>, stored<wv, bf16>>)) {
  using P = TestType;
  matrix const x = runner<P>::inputs(rows_of(0, most_rows))[0];
  std::vector<float> alone;
  runner<P> one(1, 16, room, 1);
  for (int r = 0; r < most_rows; ++r) {
    auto const row = run(one, x, r, r + 1);
    alone.insert(alone.end(), row.begin(), row.end());
  }
  for (int const threads : {1, 2, 3, 7}) {
    runner<P> r(most_rows, 16, room, threads);
    for (int const rows : {256, 137, 129, 128, 127, 126, 13, 9, 6, 5, 4, 3, 2}) {
      auto const found = run(r, x, 0, rows);
      INFO(rows << " rows, " << threads << " threads");
      CHECK(std::memcmp(found.data(), alone.data(), found.size() * sizeof(float)) == 0);
    }
  }
}

TEST_CASE("long sums and mixed formats are right") {
  check_against_interpreter<exact<gate<172, 160>, f32, stored<w1, q8_0>>>({rows_of(0, 137)}, 5e-6);
  check_against_interpreter<fast<multiply<48, 1056>, q8_0>>({rows_of(0, 129)}, 0.02);
  check_against_interpreter<fast<gate<64, 1056>, q4_0, stored<w3, f16>>>({rows_of(0, 5), rows_of(0, 127)}, 0.02);
}
