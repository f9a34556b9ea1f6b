// Blocks on arrays of a caller's: every layout, the bits of packed weights, and what is refused.
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>

#include "cria/run/evaluate.hpp"
#include "kernel/runner.hpp"

using namespace cria;
using namespace cria::test;
using Catch::Matchers::Message;

namespace {

struct embed {
  static constexpr char name[] = "embed";
};
struct hidden {
  static constexpr char name[] = "hidden";
};
struct words {
  static constexpr char name[] = "words";
};
struct query {
  static constexpr char name[] = "query";
};
struct gain {
  static constexpr char name[] = "gain";
};
struct w1 {
  static constexpr char name[] = "w1";
};
struct w2 {
  static constexpr char name[] = "w2";
};
struct w3 {
  static constexpr char name[] = "w3";
};
struct table {
  static constexpr char name[] = "table";
};
using E = axis<embed, 93>;  // no multiple of a vector or a tile
using F = axis<hidden, 165>;
using V = axis<words, 11>;
using Q = heads<query, 3, 10>;

struct gated {
  using input = shape<tokens, E>;
  static constexpr auto forward(auto x) {
    auto h = rms_norm(x, weight<gain, E>, 1e-5);
    return x + matmul(silu(matmul(h, weight<w1, F, E>)) * matmul(h, weight<w3, F, E>), weight<w2, E, F>);
  }
};
struct attends {
  using input = shape<tokens, E>;
  static constexpr auto forward(auto x) {
    auto q = rope(matmul(x, weight<w1, Q, E>), 10000.0), k = rope(matmul(x, weight<w3, Q, E>), 10000.0);
    return matmul(attention(q, k, matmul(x, weight<w2, Q, E>)), weight<table, E, Q>);
  }
};
struct embeds {
  using input = token_ids;
  static constexpr auto forward(auto ids) { return embedding(ids, weight<table, V, E>); }
};

/// Learned positions, of which there are four.
struct places {
  using input = token_ids;
  using C = axis<query, 4>;
  static constexpr auto forward(auto ids) {
    return embedding(ids, weight<table, V, E>) + embedding(positions(ids), weight<w1, C, E>);
  }
};

using memory = space_type::memory_space;
using row_major = Kokkos::View<float**, Kokkos::LayoutRight, memory>;
using expected_of_gated = runner<forward_of<gated, policy::exact<>>>;

template <class To, class From> struct copy_functor {
  To to;
  From from;
  int cols;
  KOKKOS_INLINE_FUNCTION void operator()(int i) const { to(i / cols, i % cols) = from(i / cols, i % cols); }
};
template <class To, class From> void copy(To const& to, From const& from) {
  int const rows = int(from.extent(0)), cols = int(from.extent(1));
  Kokkos::parallel_for("copy", Kokkos::RangePolicy<space_type>(0, rows * cols), copy_functor<To, From>{to, from, cols});
  Kokkos::fence();
}
row_major array_of(matrix const& m) {
  row_major const a("array", std::size_t(m.rows), std::size_t(m.cols));
  auto const host = Kokkos::create_mirror_view(a);
  for (int r = 0; r < m.rows; ++r)
    for (int c = 0; c < m.cols; ++c) host(r, c) = float(m(r, c));
  Kokkos::deep_copy(a, host);
  return a;
}
template <class View> std::vector<float> values_of(View const& view) {
  row_major const a("array", view.extent(0), view.extent(1));
  copy(a, view);
  return on_host({a.data(), a.size()});
}
step sequence_of(int rows) {
  step s;
  for (int i = 0; i < rows; ++i) s.token.push_back(0), s.sequence.push_back(0), s.position.push_back(i);
  return s;
}

/// How a caller's array may lie.
struct right {
  static auto make(std::size_t rows, std::size_t cols) { return row_major("array", rows, cols); }
};
struct left {
  static auto make(std::size_t rows, std::size_t cols) {
    return Kokkos::View<float**, Kokkos::LayoutLeft, memory>("array", rows, cols);
  }
};
struct wide {  // some columns of a wider array
  static auto make(std::size_t rows, std::size_t cols) {
    return Kokkos::subview(row_major("array", rows, cols + 5), Kokkos::ALL, std::pair(std::size_t(5), cols + 5));
  }
};
struct sparse {  // a slice, with gaps between all elements
  static auto make(std::size_t rows, std::size_t cols) {
    return Kokkos::subview(Kokkos::View<float***, Kokkos::LayoutRight, memory>("array", rows, cols, 2), Kokkos::ALL,
                           Kokkos::ALL, 1);
  }
};
template <class Layout> auto lying(matrix const& m) {
  auto const a = Layout::make(std::size_t(m.rows), std::size_t(m.cols));
  copy(a, array_of(m));
  return a;
}
auto gain_of(matrix const& m) { return Kokkos::subview(array_of(m), 0, Kokkos::ALL); }

/// The weights of `gated`, bound.
template <class Layout = right> struct weights {
  using packed = expected_of_gated;
  decltype(Layout::make(1, 1)) first = lying<Layout>(packed::weight("w1")), third = lying<Layout>(packed::weight("w3")),
                               second = lying<Layout>(packed::weight("w2"));
  decltype(gain_of({})) gains = gain_of(packed::weight("gain"));
  template <class X, class Y, class Evaluate> void operator()(Evaluate&& evaluate, X const& x, Y const& y) const {
    evaluate(bound<tokens, E>(x), bound<w2, E, F>(second), bound<gain, E>(gains), bound<w1, F, E>(first),
             bound<w3, F, E>(third), bound<tokens, E>(y));
    Kokkos::fence();
  }
};

}  // namespace

TEMPLATE_TEST_CASE("a block on a caller's arrays has the bits that it has with packed weights, however they lie", "", right,
                   left, wide, sparse) {
  expected_of_gated expected(1100, 1, 1100);
  weights<TestType> const w;
  for (int const threads : {1, 2, 3}) {
    evaluator<gated, space_type> evaluate(space_of(threads), 1100);
    for (int const rows :
         {1, 3, 4, 5, 17, 40, 1100}) {  // a worker's own panels, one that all share, several blocks and steps
      INFO(threads << " threads, " << rows << " rows");
      auto const in = expected_of_gated::inputs(sequence_of(rows));
      auto const x = lying<TestType>(in[0]), y = TestType::make(std::size_t(rows), E::extent);
      w(evaluate, x, y);
      auto const found = values_of(y), packed = expected.run(sequence_of(rows), in)[0];
      if constexpr (kernel::on_host<space_type>)
        CHECK((found == packed));
      else
        CHECK(relative_difference(found, expected.expected(sequence_of(rows), in)[0]) < 1e-5);
    }
  }
}

TEST_CASE("nothing is allocated for arrays that are evaluated in place, and what is not theirs is not touched") {
  weights<wide> const w;
  auto const in = expected_of_gated::inputs(sequence_of(40));
  row_major const all("all", 40, 2 * E::extent + 7);
  Kokkos::deep_copy(all, -5.0f);
  auto const x = Kokkos::subview(all, Kokkos::ALL, std::pair(0, E::extent)),
             y = Kokkos::subview(all, Kokkos::ALL, std::pair(E::extent + 3, 2 * E::extent + 3));
  copy(x, array_of(in[0]));
  evaluator<gated, space_type> evaluate(space_of(2), 40);
  static int allocations = 0;
  Kokkos::Tools::Experimental::set_allocate_data_callback(
      [](Kokkos_Profiling_SpaceHandle, char const*, void const*, std::uint64_t) { ++allocations; });
  w(evaluate, x, y);
  Kokkos::Tools::Experimental::set_allocate_data_callback(nullptr);
  CHECK(allocations == 0);
  CHECK((values_of(y) == expected_of_gated(40, 1, 40).run(sequence_of(40), in)[0]));
  CHECK((values_of(x) == std::vector<float>(in[0].at.begin(), in[0].at.end())));
  for (auto const& gap : {std::pair(E::extent, E::extent + 3), std::pair(2 * E::extent + 3, 2 * E::extent + 7)})
    for (float const untouched : values_of(Kokkos::subview(all, Kokkos::ALL, gap))) REQUIRE(untouched == -5.0f);
}

TEST_CASE("a block that rotates and attends takes its rows for one sequence") {
  using program = forward_of<attends, policy::exact<>>;
  runner<program> r(70, 1, 70);
  auto const first = array_of(r.weight("w1")), second = array_of(r.weight("w2")), third = array_of(r.weight("w3")),
             last = array_of(r.weight("table"));
  for (int const rows : {1, 5, 70}) {
    auto const in = r.inputs(sequence_of(rows));
    auto const x = array_of(in[0]);
    row_major const y("y", std::size_t(rows), E::extent);
    evaluate<attends>(space(), bound<tokens, E>(x), bound<w1, Q, E>(first), bound<w2, Q, E>(second), bound<w3, Q, E>(third),
                      bound<table, E, Q>(last), bound<tokens, E>(y));
    // f32 sums of at most 93 terms, roundings of 6e-8 that grow like the root of their number, four in a row
    CHECK(relative_difference(values_of(y), r.expected(sequence_of(rows), in)[0]) < 1e-5);
  }
}

TEST_CASE("tokens are read in place, and one that is none is refused") {
  auto const m = numbers(V::extent, E::extent, 3);
  auto const w = lying<left>(m);
  row_major const y("y", 4, E::extent);
  auto const run = [&](std::vector<int> const& ids) {
    evaluate<embeds>(space(), bound<tokens>(on_device(ids)), bound<table, V, E>(w), bound<tokens, E>(y));
  };
  run({10, 0, 7, 7});
  auto const found = values_of(y);
  for (int i = 0; i < 4; ++i)
    for (int k = 0; k < E::extent; ++k)
      REQUIRE(found[std::size_t(i * E::extent + k)] == float(m(std::array{10, 0, 7, 7}[std::size_t(i)], k)));
  CHECK_THROWS_MATCHES(run({10, 11, 7, 7}), error, Message("token: out of range (expected 0 to 10, found 11)"));
  CHECK_THROWS_AS(run({10, -1, 7, 7}), error);
  CHECK((values_of(y) == found));
}

TEST_CASE("positions are those of one sequence, and one that the table has no row for is refused") {
  auto const words = numbers(V::extent, E::extent, 3), positions = numbers(4, E::extent, 8);
  auto const w = lying<left>(words);
  auto const p = lying<right>(positions);
  auto const run = [&](std::vector<int> const& ids) {
    row_major const y("y", ids.size(), E::extent);
    evaluate<places>(space(), bound<tokens>(on_device(ids)), bound<table, V, E>(w), bound<w1, places::C, E>(p),
                     bound<tokens, E>(y));
    return values_of(y);
  };
  std::vector<int> const ids{10, 0, 7, 7};
  auto const found = run(ids);
  for (int i = 0; i < 4; ++i)
    for (int k = 0; k < E::extent; ++k)
      REQUIRE(found[std::size_t(i * E::extent + k)] == float(words(ids[std::size_t(i)], k)) + float(positions(i, k)));
  CHECK_THROWS_MATCHES(run({1, 2, 3, 4, 5}), error, Message("position: out of range (expected 0 to 3, found 4)"));
}

TEST_CASE("mdspans are taken as Views are") {
#if defined(KOKKOS_ENABLE_IMPL_MDSPAN)
  if constexpr (kernel::on_host<space_type>) {
    auto const in = expected_of_gated::inputs(sequence_of(6));
    std::vector<float> x(in[0].at.begin(), in[0].at.end()), y(x.size());
    using extents = Kokkos::dextents<int, 2>;
    Kokkos::mdspan<float const, extents> const from(x.data(), extents(6, E::extent));
    Kokkos::mdspan<float, Kokkos::extents<int, Kokkos::dynamic_extent, E::extent>, Kokkos::layout_stride> const to(
        y.data(), {Kokkos::extents<int, Kokkos::dynamic_extent, E::extent>(6), std::array{E::extent, 1}});
    evaluator<gated, space_type> evaluate(space(), 6);
    weights<> const w;
    w(evaluate, from, to);
    CHECK((y == expected_of_gated(6).run(sequence_of(6), in)[0]));
    auto const view = array_of(in[0]);
    std::fill(y.begin(), y.end(), 0.0f);
    w(evaluate, view.to_mdspan(), to);
    CHECK((y == expected_of_gated(6).run(sequence_of(6), in)[0]));
    std::fill(y.begin(), y.end(), 0.0f);
    auto const packed = expected_of_gated::weight("w1");
    std::vector<float> const first(packed.at.begin(), packed.at.end());
    Kokkos::mdspan<float const, Kokkos::extents<int, F::extent, E::extent>> const gate(first.data());
    evaluate(bound<tokens, E>(from), bound<w1, F, E>(gate), bound<w3, F, E>(w.third.to_mdspan()),
             bound<w2, E, F>(w.second), bound<gain, E>(w.gains.to_mdspan()), bound<tokens, E>(to));
    Kokkos::fence();
    CHECK((y == expected_of_gated(6).run(sequence_of(6), in)[0]));
  } else {
    SKIP("a plain mdspan is memory of the host");
  }
#else
  SKIP("this Kokkos has no mdspan");
#endif
}

TEST_CASE("extents that are not the axes' are refused by name") {
  row_major const x("x", 4, E::extent), narrow("narrow", 4, 92), y("y", 5, E::extent),
      square("square", E::extent, E::extent);
  CHECK_THROWS_MATCHES((bound<tokens, E>(narrow)), error,
                       Message("narrow: extent of the axis embed (expected 93, found 92)"));
  CHECK_THROWS_MATCHES((bound<w1, F, E>(square)), error, Message("w1: extent of the axis hidden (expected 165, found 93)"));
  evaluator<gated, space_type> evaluate(space(), 4);
  weights<> const w;
  CHECK_THROWS_MATCHES(w(evaluate, x, y), error,
                       Message("evaluate: extent of the axis token of the result (expected 4, found 5)"));
  CHECK_THROWS_MATCHES(w(evaluate, y, row_major("z", 5, E::extent)), error,
                       Message("rows: out of range (expected 1 to 4, found 5)"));
  CHECK_THROWS_MATCHES(w(evaluate, x, x), error, Message("evaluate: the result would be written over what is read"));
  CHECK_THROWS_AS((evaluator<gated, space_type>(space(), 0)), error);
  w(evaluate, row_major("none", 0, E::extent), row_major("none", 0, E::extent));  // no rows, nothing to do
}
