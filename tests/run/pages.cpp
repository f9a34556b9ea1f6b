// Pages against a model of them: a vector of numbers for each sequence, and a memory that does what the table says.
#include "cria/run/pages.hpp"

#include <algorithm>
#include <random>
#include <set>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>

using namespace cria;

namespace {

/// A cache of one number a position, as a session would keep it.
struct memory {
  int size, room;
  page_table pages;
  std::vector<int> at;

  memory(int sequences, int positions, int count, int page)
      : size(page), room(positions), pages(sequences, positions, count, page), at(std::size_t(count * page), -7) {}

  std::size_t place(int sequence, int position) const {
    int const page = pages.table()[std::size_t(sequence * pages.pages_of_sequence() + position / size)];
    REQUIRE(page != page_table::none);
    return std::size_t(page * size + position % size);
  }
  void write(int sequence, int position, int value) {
    if (auto const c = pages.write(sequence, position))
      std::copy_n(at.begin() + c->from * size, size, at.begin() + c->to * size);
    at[place(sequence, position)] = value;
  }
  std::vector<int> read(int sequence, std::size_t count) const {
    std::vector<int> r;
    for (std::size_t i = 0; i < count; ++i) r.push_back(at[place(sequence, int(i))]);
    return r;
  }
  int in_table() const {
    std::set<int> all(pages.table().begin(), pages.table().end());
    all.erase(page_table::none);
    return int(all.size());
  }
};

void try_at_random(unsigned seed, int sequences, int room, int count, int page) {
  std::mt19937 random(seed);
  auto const below = [&](std::size_t n) { return int(random() % n); };
  memory m(sequences, room, count, page);
  std::vector<std::vector<int>> expected{std::size_t(sequences)};
  int refused = 0, shared = 0;
  for (int step = 0; step < 3000; ++step) {
    int const s = below(std::size_t(sequences));
    auto& mine = expected[std::size_t(s)];
    switch (below(8)) {
      case 0: {
        int const from = below(std::size_t(sequences));
        auto const& theirs = expected[std::size_t(from)];
        int const n = below(theirs.size() + 1);
        m.pages.share(from, s, n);
        mine = std::vector(theirs.begin(), theirs.begin() + n);
        ++shared;
        break;
      }
      case 1:
        m.pages.release(s);
        mine.clear();
        break;
      default: {  // goes on at the end, or again from somewhere before
        std::size_t const begin = below(4) == 0 ? std::size_t(below(mine.size() + 1)) : mine.size();
        mine.resize(begin);
        for (int n = below(std::size_t(2 * page)); n > 0 && int(mine.size()) < room; --n) {
          int const value = below(1 << 20);
          auto const before = std::vector(m.pages.table().begin(), m.pages.table().end());
          try {
            m.write(s, int(mine.size()), value);
          } catch (error const&) {
            CHECK(m.pages.used() == count);
            CHECK(std::ranges::equal(before, m.pages.table()));
            ++refused;
            break;
          }
          mine.push_back(value);
        }
      }
    }
    for (std::size_t i = 0; i < expected.size(); ++i)
      if (m.read(int(i), expected[i].size()) != expected[i]) FAIL("sequence " << i << " in step " << step);
    if (m.in_table() != m.pages.used()) FAIL("pages were lost in step " << step);
  }
  CHECK(shared > 100);
  CHECK((refused > 0) == (count * page < sequences * room));
  for (int s = 0; s < sequences; ++s) m.pages.release(s);
  CHECK(m.pages.used() == 0);
}

}  // namespace

TEST_CASE("sequences hold what was written to them, whatever they share") {
  try_at_random(1, 3, 20, 15, 4);  // a page for each place
  try_at_random(2, 5, 30, 7, 4);
  try_at_random(3, 8, 17, 20, 1);
  try_at_random(4, 2, 200, 8, 64);
}

TEST_CASE("memory follows use: the lowest free page comes first, and a common beginning is kept once") {
  page_table p(3, 256, 12, 64);
  CHECK(p.pages_of_sequence() == 4);
  CHECK(p.used() == 0);
  for (int i = 0; i < 100; ++i) CHECK(!p.write(0, i));
  CHECK(p.used() == 2);
  CHECK(std::ranges::equal(p.table().first(4), std::vector{0, 1, -1, -1}));
  CHECK(p.take_change());
  CHECK(!p.take_change());
  CHECK(!p.write(0, 100));
  CHECK(!p.take_change());

  p.share(0, 1, 70);
  CHECK(p.used() == 2);
  CHECK(p.take_change());
  auto const c = p.write(1, 70);
  REQUIRE(c);
  CHECK(c->from == 1);
  CHECK(c->to == 2);
  CHECK(!p.write(0, 101));  // alone in its page again
  p.release(0);
  CHECK(p.used() == 2);
  CHECK(!p.write(2, 0));
  CHECK(p.table()[8] == 1);
  p.share(1, 1, 64);
  CHECK(p.used() == 2);
}

TEST_CASE("a pool that is used up, and a prefix that is not there") {
  page_table p(2, 128, 2, 64);
  p.write(0, 0);
  p.write(0, 64);
  CHECK_THROWS_MATCHES(p.write(1, 0), error,
                       Catch::Matchers::Message("kv cache: used up (expected a free page of 64 positions, found all 2 in use)"));
  CHECK_THROWS_MATCHES(p.share(1, 0, 1), error,
                       Catch::Matchers::Message("kv cache: shared beyond what is there (expected 1 positions, found 0)"));
  CHECK_THROWS_MATCHES(p.share(0, 1, 129), error,
                       Catch::Matchers::Message("kv cache: shared beyond what is there (expected 129 positions, found 128)"));
  p.share(0, 1, 128);
  CHECK_THROWS_AS(p.write(1, 127), error);
  p.release(0);
  CHECK(!p.write(1, 127));
  p.release(1);
  CHECK_THROWS_MATCHES(
      p.write(0, 64), error,
      Catch::Matchers::Message("position: an earlier one of its sequence was never given (expected at most 0, found 64)"));
}
