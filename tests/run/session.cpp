// Sessions: manners beside a caller's own use of Kokkos, memory, and caches of several sequences.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <set>
#include <thread>

#include "run/tiny.hpp"

using namespace cria;
using namespace cria::test;

namespace {

/// Tokens that differ by seed.
std::vector<int> text(int count, int seed) {
  std::vector<int> t;
  for (int i = 0; i < count; ++i) t.push_back((i * i * 7 + i * seed + seed) % tiny_session::vocabulary);
  return t;
}
std::vector<int> operator+(std::vector<int> a, std::vector<int> const& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
/// The logits of the last `count` rows.
std::vector<float> last(std::vector<float> const& logits, std::size_t count) {
  return {logits.end() - std::ptrdiff_t(count) * tiny_session::vocabulary, logits.end()};
}

std::vector<int> const prompt{1, 5, 9, 2, 33, 7, 7, 39, 0, 12, 4, 4, 21};

/// What Kokkos reports while this lives: allocations, and the names of kernels by instance.
struct watch {
  static inline int allocations;
  static inline std::vector<std::pair<std::string, std::uint32_t>> kernels;

  watch() {
    allocations = 0;
    kernels.clear();
    namespace tools = Kokkos::Tools::Experimental;
    tools::set_allocate_data_callback(
        [](Kokkos_Profiling_SpaceHandle, char const*, void const*, std::uint64_t) { ++allocations; });
    tools::set_begin_parallel_for_callback(
        [](char const* name, std::uint32_t instance, std::uint64_t*) { kernels.emplace_back(name, instance); });
  }
  watch(watch const&) = delete;
  watch& operator=(watch const&) = delete;
  ~watch() {
    Kokkos::Tools::Experimental::set_allocate_data_callback(nullptr);
    Kokkos::Tools::Experimental::set_begin_parallel_for_callback(nullptr);
  }
};

struct fill_functor {
  Kokkos::View<int*, space_type::memory_space> to;
  KOKKOS_INLINE_FUNCTION void operator()(int i) const { to(i) = i; }
};

}  // namespace

TEST_CASE("nothing is allocated inside a step") {
  auto s = make_session(space(), {.room = 64, .rows = 16});
  auto const first = logits_of(s, prompt);  // makes room for the logits of as many rows
  watch const w;
  auto const again = logits_of(s, prompt);
  logits_of(s, {3}, int(prompt.size()));
  CHECK(again == first);
  CHECK(watch::allocations == 0);
  int const kernels = 1 + 2 * 5 + 1;  // embedding, layers of five kernels, head
  int const panels = kernel::on_host<space_type> ? 2 * 4 + 1 : 0;  // of many rows the contractions have two phases
  CHECK(watch::kernels.size() == std::size_t(kernels + panels + kernels));
}

TEST_CASE("a session works on the instance it was given, under names that begin with cria") {
  auto const own = space_of(1);
  auto s = make_session(own, {.room = 64, .rows = 16});
  logits_of(s, prompt);
  watch const w;
  logits_of(s, prompt);
  REQUIRE(!watch::kernels.empty());
  for (auto const& [name, instance] : watch::kernels) {
    INFO(name);
    CHECK(name.starts_with("cria/"));
    CHECK(name.size() < 60);
    CHECK(instance == Kokkos::Tools::Experimental::device_id(own));
  }
}

TEST_CASE("sessions work beside each other and beside their caller's kernels") {
  auto alone = make_session(space_of(1), {.room = 64, .rows = 16});
  auto const expected = logits_of(alone, prompt);

  auto a = make_session(space_of(1), {.room = 64, .rows = 16}), b = make_session(space_of(1), {.room = 32, .rows = 16});
  Kokkos::View<int*, space_type::memory_space> const users("user's", 1000);
  std::vector<int> const before(prompt.begin(), prompt.end() - 1);
  logits_of(a, before);
  logits_of(b, before);
  Kokkos::parallel_for("user's", Kokkos::RangePolicy<space_type>(0, 1000), fill_functor{users});
  auto const last_of_a = logits_of(a, {prompt.back()}, int(before.size())),
             last_of_b = logits_of(b, {prompt.back()}, int(before.size()));
  std::vector<float> const last(expected.end() - tiny_session::vocabulary, expected.end());
  CHECK(last_of_a == last);
  CHECK(last_of_b == last);
  Kokkos::fence();
  auto const copy = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace{}, users);
  CHECK(copy(999) == 999);

  std::vector<float> found[2];  // each in a thread of its own
  std::thread other([&] {
    for (int i = 0; i < 20; ++i) found[0] = logits_of(a, prompt);
  });
  for (int i = 0; i < 20; ++i) found[1] = logits_of(b, prompt);
  other.join();
  CHECK(found[0] == expected);
  CHECK(found[1] == expected);
}

TEST_CASE("sequences have caches of their own, and a sequence may begin again") {
  auto one = make_session(space(), {.room = 64, .rows = 16});
  auto const expected = logits_of(one, prompt);
  auto s = make_session(space(), {.room = 15, .sequences = 3, .rows = 16});  // no multiple of a tile
  std::vector<int> const other{39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25};
  logits_of(s, other, 0, 1);  // longer than the prompt
  logits_of(s, other, 0, 0);
  std::vector<float> found;
  for (std::size_t i = 0; i < prompt.size(); ++i) {
    auto const part = logits_of(s, {prompt[i]}, int(i), 0);
    found.insert(found.end(), part.begin(), part.end());
    logits_of(s, {other[i]}, int(i), 2);
  }
  CHECK(found == expected);
  CHECK(logits_of(s, prompt, 0, 1) == expected);
}

TEST_CASE("sequences share the memory of a common beginning, and have the bits that each has alone") {
  auto const common = text(100, 3), mine = text(40, 5), yours = text(70, 11);
  session_options const options{.room = 200, .sequences = 3, .rows = 200};
  auto alone = make_session(space(), options);
  auto const expected = last(logits_of(alone, common + mine), 40), other = last(logits_of(alone, common + yours), 70);

  auto s = make_session(space(), options);
  logits_of(s, common);
  CHECK(s.pages().used() == 2);
  s.share(0, 1, 100);
  s.share(1, 2, 64);
  CHECK(s.pages().used() == 2);
  CHECK(logits_of(s, yours, 100, 1) == other);
  CHECK(s.pages().used() == 4);  // a copy of the page that both had begun, and another
  CHECK(logits_of(s, mine, 100, 0) == expected);
  CHECK(s.pages().used() == 5);
  std::vector<int> const rest(common.begin() + 64, common.end());
  CHECK(last(logits_of(s, rest + yours, 64, 2), 70) == other);
  s.release(0), s.release(1);
  CHECK(s.pages().used() == 3);
  s.share(2, 0, 100), s.share(2, 1, 100);  // both write into a shared page in one step, and so does its first owner
  for (int i = 0; i < 40; ++i) {
    auto const at = std::size_t(i);
    s.set_rows(std::vector{mine[at], yours[at], yours[at]}, std::vector{0, 1, 2}, std::vector{100 + i, 100 + i, 100 + i});
    auto const found = s.run(0, 3);
    auto const part = [](std::span<float const> of, std::size_t row) {
      return of.subspan(row * tiny_session::vocabulary, tiny_session::vocabulary);
    };
    INFO("token " << i);
    CHECK(std::ranges::equal(part(found, 0), part(expected, at)));
    CHECK(std::ranges::equal(part(found, 1), part(other, at)));
    CHECK(std::ranges::equal(part(found, 2), part(other, at)));
  }
}

TEST_CASE("a cache that is used up says so, harms nobody, and serves again what is released") {
  auto const long_one = text(128, 3), next = text(20, 9);
  auto alone = make_session(space(), {.room = 200, .rows = 200});
  auto const expected = logits_of(alone, long_one + next);

  auto s = make_session(space(), {.room = 200, .sequences = 3, .rows = 200, .positions = 130});  // three pages
  auto const used_up = Catch::Matchers::Message("kv cache: used up (expected a free page of 64 positions, found all 3 in use)");
  logits_of(s, long_one);
  logits_of(s, {7, 8}, 0, 1);
  CHECK_THROWS_MATCHES(logits_of(s, next, 128), error, used_up);
  CHECK_THROWS_MATCHES(logits_of(s, {1}, 0, 2), error, used_up);
  CHECK_THROWS_AS(s.set_rows(std::vector{9, 1}, std::vector{1, 2}, std::vector{2, 0}), error);
  CHECK_THROWS_AS(s.share(1, 2, 65), error);
  CHECK_THROWS_AS(s.share(0, 3, 1), error);
  CHECK_THROWS_AS(s.release(-1), error);
  CHECK(s.pages().used() == 3);
  s.release(1);
  CHECK(logits_of(s, next, 128) == last(expected, 20));
  s.release(0);
  CHECK(s.pages().used() == 0);
  CHECK(logits_of(s, long_one + next, 0, 2) == expected);
}

TEST_CASE("a weight of another size is refused by name") {
  auto const load = [](std::string_view wrong) {
    auto const read = [wrong](std::string_view name, int layer) {
      auto weight = make_weight(name, layer);
      if (name == wrong && (layer == 1 || name == "head")) weight.bytes.pop_back();
      return weight;
    };
    tiny_session(space(), {.room = 16}, read, [](auto...) {});
  };
  CHECK_THROWS_MATCHES(load("w2"), error,
                       Catch::Matchers::Message("w2: wrong size of a weight (expected 2176 bytes, found 2175)"));
  CHECK_THROWS_MATCHES(load("head"), error,
                       Catch::Matchers::Message("head: wrong size of a weight (expected 1360 bytes, found 1359)"));
}

TEST_CASE("every weight is read once, and let go when it is packed") {
  std::multiset<std::string> read, done;
  auto const key = [](std::string_view name, int layer) { return std::string(name) + std::to_string(layer); };
  tiny_session const s(
      space(), {.room = 16},
      [&](std::string_view name, int layer) { return read.insert(key(name, layer)), make_weight(name, layer); },
      [&](std::string_view name, int layer) { done.insert(key(name, layer)); });
  CHECK(read == done);
  CHECK(read.size() == 2 * 9 + 3);
  CHECK(std::set(read.begin(), read.end()).size() == read.size());
}
