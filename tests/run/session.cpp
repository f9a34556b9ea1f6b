// Sessions: manners beside a caller's own use of Kokkos, memory, and caches of several sequences.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <set>
#include <thread>

#include "run/tiny.hpp"

using namespace cria;
using namespace cria::test;

namespace {

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
  CHECK(watch::kernels.size() == 2 * (1 + 2 * 5 + 1));  // embedding, layers of five kernels, head
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
