// A whole step in one parallel region against its kernels launched one by one: the same bits, wherever threads come from.
#include <catch2/catch_test_macros.hpp>
#include <thread>

#include "run/tiny.hpp"

using namespace cria;
using namespace cria::test;

namespace {

/// Work enough that a step is worth many threads.
struct wide_config : llama2::config</*embed*/ 256, /*layers*/ 3, /*heads*/ 8, /*kv*/ 2, /*hidden*/ 1024, /*vocabulary*/ 83,
                                    /*context*/ 64> {};
using wide = session<llama2::decoder<wide_config>, policy::fast<formats<q8_0>, q8_0>>;

/// Rows of two sequences; the second is 40 positions behind.
struct rows {
  std::vector<int> token, sequence, position;
};
rows rows_at(int position, int count, int text) {
  rows r;
  for (int i = 0; i < count; ++i)
    for (int s = 0; s < (position + i >= 40 ? 2 : 1); ++s) {
      r.position.push_back(position + i - 40 * s), r.sequence.push_back(s);
      r.token.push_back((r.position.back() * 13 + s * 5 + text) % wide::vocabulary);
    }
  return r;
}

int const counts[]{39, 1, 1, 70, 1, 1, 2, 30};  // positions of each step

/// Calls f for one step after the other of a text: a prompt, single rows, a few. Joins what it returns.
template <class Session, class F> std::vector<float> steps(Session& s, F const& f, int text = 0) {
  std::vector<float> all;
  int position = 0;
  for (int const count : counts) {
    auto const r = rows_at(position, count, text);
    s.set_rows(r.token, r.sequence, r.position);
    auto const logits = f(int(r.token.size()));
    all.insert(all.end(), logits.begin(), logits.end());
    position += count;
  }
  return all;
}

session_options const options{.room = 150, .sequences = 2, .rows = 160};

/// The logits of all rows, by one thread, kernel by kernel.
std::vector<float> const& expected() {
  static auto const logits = [] {
    auto s = make_session<wide>(space_of(1), options);
    return steps(s, [&](int count) {
      s.run_embedding();
      for (int layer = 0; layer < wide_config::layers; ++layer) s.run_block(layer);
      return s.run_head(0, count);
    });
  }();
  return logits;
}

int launches;
std::string launched;

}  // namespace

TEST_CASE("a step has the same bits by any number of threads, more than there are cores too") {
  for (int const threads : {1, 2, 3, 8}) {
    auto s = make_session<wide>(space_of(threads), options);
    INFO(threads << " threads");
    int most = 0;
    CHECK(steps(s, [&](int count) { return most = std::max(most, s.step().workers), s.run(0, count); }) == expected());
    if constexpr (kernel::on_host<space_type>) CHECK(most == threads);
  }
}

TEST_CASE("a step without logits leaves the rows and the cache as one with logits does") {
  auto s = make_session<wide>(space_of(2), options);
  auto const last = steps(s, [&](int count) { return s.run(0, 0), s.run_head(count - 1, 1); });
  std::vector<float> own;
  std::size_t row = 0;
  int position = 0;
  for (int const count : counts) {
    row += rows_at(position, count, 0).token.size(), position += count;
    auto const begin = expected().begin() + std::ptrdiff_t(row - 1) * wide::vocabulary;
    own.insert(own.end(), begin, begin + wide::vocabulary);
  }
  CHECK(last == own);
}

TEST_CASE("a profiling tool sees every kernel, and the bits are the same") {
  auto s = make_session<wide>(space_of(2), options);
  launches = 0;
  Kokkos::Tools::Experimental::set_begin_parallel_for_callback(
      [](char const* name, std::uint32_t, std::uint64_t*) { ++launches, launched = name; });
  auto const found = steps(s, [&](int count) { return s.run(0, count); });
  Kokkos::Tools::Experimental::set_begin_parallel_for_callback(nullptr);
  CHECK(found == expected());
  CHECK(launches >= int(std::size(counts)) * (1 + 5 * wide_config::layers + 1));
  CHECK(launched.starts_with("cria/head"));
}

namespace {

template <class Exec> using wide_on = session<llama2::decoder<wide_config>, policy::fast<formats<q8_0>, q8_0>, Exec>;

/// The logits of a text on an instance, some times; what differs from the first time shows as no logits at all.
template <class Exec> std::vector<float> again_and_again(Exec const& exec, int text, int times) {
  wide_on<Exec> s(exec, options, make_weight<wide>, [](auto...) {});
  std::vector<float> first;
  for (int i = 0; i < times; ++i) {
    auto const found = steps(s, [&](int count) { return s.run(0, count); }, text);
    if (i > 0 && found != first) return {};
    first = found;
    s.release(0), s.release(1);
  }
  return first;
}

/// Two models at once, each made and driven by a thread of its own, against each alone.
template <class A, class B> void check_beside(A const& a, B const& b) {
  auto const alone = again_and_again(a, 0, 1), other_alone = again_and_again(b, 3, 1);
  std::vector<float> found, other_found;
  std::thread other([&] { other_found = again_and_again(b, 3, 5); });
  found = again_and_again(a, 0, 5);
  other.join();
  CHECK(alone == expected());
  CHECK(found == alone);
  CHECK(other_alone != alone);
  CHECK(other_found == other_alone);
}

}  // namespace

#if defined(KOKKOS_ENABLE_OPENMP)
TEST_CASE("models on instances of their own, each driven by a thread, have the bits of each alone") {
  space();
  int const before = omp_get_max_active_levels();
  for (int const levels : {1, 2}) {  // with 1 Kokkos 5 gives the same instance twice, where one waits for the other
    omp_set_max_active_levels(levels);
    auto const parts = Kokkos::Experimental::partition_space(Kokkos::OpenMP(4), 1, 1);
    INFO(levels << " levels, " << kernel::concurrency_of(parts[0]) << " threads each");
    if (levels == 2) CHECK((parts[0] != parts[1] && kernel::concurrency_of(parts[0]) == 2));
    check_beside(parts[0], parts[1]);
  }
  omp_set_max_active_levels(before);
  check_beside(Kokkos::OpenMP(3), Kokkos::OpenMP(2));
}

#if defined(KOKKOS_ENABLE_SERIAL)
TEST_CASE("a model on Serial beside one on OpenMP, each driven by a thread, have the bits of each alone") {
  space();
  check_beside(Kokkos::OpenMP(2), Kokkos::Serial());
  check_beside(Kokkos::Serial(), Kokkos::OpenMP(2));
}
#endif

TEST_CASE("a step works inside a parallel region of its caller's, and where the system gives fewer threads than were asked for") {
  int const before = omp_get_max_active_levels();
  for (int const threads : {1, 2, 5}) {
    INFO(threads << " threads");
    auto s = make_session<wide>(space_of(3), options);
    auto const all_steps = [&] { return steps(s, [&](int count) { return s.run(0, count); }); };
    std::vector<float> nested;
    omp_set_max_active_levels(2);  // with fewer Kokkos itself aborts in a region
#pragma omp parallel num_threads(threads)
#pragma omp single
    nested = all_steps();
    omp_set_max_active_levels(0);  // every region has one thread
    s.release(0), s.release(1);
    auto const alone = all_steps();
    omp_set_max_active_levels(before);
    CHECK(nested == expected());
    CHECK(alone == expected());
  }
}
#endif
