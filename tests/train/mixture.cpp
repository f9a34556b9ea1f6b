#include "cria/train/data/mixture.hpp"

#include <cmath>
#include <fstream>
#include <set>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "toy.hpp"

using namespace cria;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Equals;
namespace fs = std::filesystem;
using test::in_memory;
using test::toy_texts;
using train::documents_see;
using train::mixture;
using train::mixture_options;
using train::row;

namespace {

bool same(std::vector<row> const& a, std::vector<row> const& b) {
  return std::ranges::equal(a, b, [](row const& x, row const& y) {
    return x.token == y.token && x.sequence == y.sequence && x.position == y.position && x.target == y.target &&
           x.weight == y.weight;
  });
}

/// The documents that a mixture gives until it gave `tokens` tokens; the last one may be unfinished and is left out.
std::vector<std::vector<int>> served(mixture& m, std::size_t tokens) {
  std::vector<std::vector<int>> out;
  for (std::size_t seen = 0; seen < tokens;)
    for (auto const& r : m.next()) {
      if (r.token == 1) out.emplace_back();
      out.back().push_back(r.token);
      ++seen;
    }
  out.pop_back();
  return out;
}

}  // namespace

TEST_CASE("each epoch has every document once, in another order") {
  auto const texts = toy_texts(100);
  auto const from = in_memory(texts);
  mixture m({{from, 1}}, {.context = 7, .sequences = 3, .held_out = 0, .seed = 5});
  auto const all = served(m, 3 * from->tokens() + 100);
  std::set<std::vector<int>> const expected(texts.begin(), texts.end());
  std::vector<std::vector<std::vector<int>>> epochs;
  for (std::size_t e = 0; e < 3; ++e) {
    epochs.emplace_back(all.begin() + std::ptrdiff_t(e * 100), all.begin() + std::ptrdiff_t(e * 100 + 100));
    REQUIRE((std::multiset<std::vector<int>>(epochs[e].begin(), epochs[e].end()) ==
             std::multiset<std::vector<int>>(texts.begin(), texts.end())));
  }
  REQUIRE((epochs[0] != epochs[1] && epochs[1] != epochs[2] && epochs[0] != texts));
  REQUIRE(m.epoch(0) == 3);
  mixture other({{from, 1}}, {.context = 7, .sequences = 3, .held_out = 0, .seed = 6});
  REQUIRE((served(other, from->tokens()) != epochs[0]));
}

TEST_CASE("packing loses nothing and repeats nothing") {
  auto const seen = GENERATE(documents_see::across, documents_see::within);
  int const context = GENERATE(1, 2, 7, 64);
  auto const a = in_memory(toy_texts(30)), b = in_memory(toy_texts(30, 500));
  mixture wide({{a, 1}, {b, 2}}, {.context = 1 << 12, .sequences = 1, .held_out = 0});
  mixture m({{a, 1}, {b, 2}}, {.context = context, .sequences = 3, .seen = seen, .held_out = 0});
  auto const expected = wide.next();
  std::size_t at = 0;
  while (at + 3 * std::size_t(context) < expected.size())
    for (auto const& r : m.next()) {
      REQUIRE(r.token == expected[at].token);
      REQUIRE(r.target == expected[at + 1].token);
      ++at;
    }
}

TEST_CASE("rows are whole sequences from position 0 on, and weigh 1 together") {
  auto const seen = GENERATE(documents_see::across, documents_see::within);
  int const context = 16, sequences = 4;
  mixture m({{in_memory(toy_texts(50)), 1}}, {.context = context, .sequences = sequences, .seen = seen});
  for (int batch = 0; batch < 20; ++batch) {
    auto const rows = m.next();
    REQUIRE(rows.size() == std::size_t(context * sequences));
    double weights = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      auto const& r = rows[i];
      bool const packed = i % context == 0, first = packed || (seen == documents_see::within && r.token == 1);
      REQUIRE(r.sequence == (i == 0 ? 0 : rows[i - 1].sequence + first));
      REQUIRE(r.position == (first ? 0 : rows[i - 1].position + 1));
      if (!packed) REQUIRE(rows[i - 1].target == r.token);
      weights += double(r.weight);
    }
    REQUIRE(std::abs(weights - 1) < 1e-6);
  }
}

TEST_CASE("no source is ahead of its share by more than a document") {
  std::vector<double> const weights{0.1, 3, 1.7, 0.25};
  std::vector<train::mixture_source> sources;
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    sources.push_back({in_memory(toy_texts(20 + 30 * int(i), 1000 * int(i)), "toy " + std::to_string(i)), weights[i]});
    sum += weights[i];
  }
  mixture m(sources, {.context = 8, .sequences = 1});
  for (int batch = 0; batch < 3000; ++batch) {
    m.next();
    double all = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) all += double(m.served(i));
    // the source in front is one document, 40 tokens, ahead of where all are even, and so are the others behind it
    for (std::size_t i = 0; i < weights.size(); ++i) {
      double const ahead = double(m.served(i)) - all * weights[i] / sum;
      REQUIRE(ahead <= 40);
      REQUIRE(ahead >= -40 * double(weights.size() - 1));
    }
  }
  REQUIRE(m.epoch(0) >= 1);
}

TEST_CASE("a stream goes on from every state as it would have") {
  auto const seen = GENERATE(documents_see::across, documents_see::within);
  std::vector<train::mixture_source> const sources{{in_memory(toy_texts(9)), 1}, {in_memory(toy_texts(5, 100)), 0.3}};
  mixture_options const options{.context = 5, .sequences = 2, .seen = seen, .held_out = 0.1, .seed = 3};
  mixture m(sources, options);
  std::vector<io::json> states;
  std::vector<std::vector<row>> batches;
  for (int i = 0; i < 120; ++i) states.push_back(m.state()), batches.push_back(m.next());
  REQUIRE(m.epoch(0) > 2);
  for (std::size_t i = 0; i < states.size(); ++i) {
    mixture again(sources, options);
    for (std::size_t other = 0; other < i % 4; ++other) again.next();  // wherever it was before
    again.restore(io::parse_json("state", states[i].dump()));
    REQUIRE(again.state() == states[i]);
    for (std::size_t k = i; k < std::min(states.size(), i + 12); ++k) REQUIRE(same(again.next(), batches[k]));
  }
}

TEST_CASE("the same rows from shards of any size as from memory, and after the shards are gone") {
  auto const texts = toy_texts(60);
  test::temporary_folder const folder;
  mixture expected({{in_memory(texts), 1}}, {.context = 16, .sequences = 4});
  std::vector<mixture> streams;
  for (std::uint64_t const shard_tokens : {1, 100, 100000}) {
    auto const path = folder.path() / std::to_string(shard_tokens);
    test::write_corpus(path, texts, shard_tokens);
    streams.emplace_back(std::vector<train::mixture_source>{{train::corpus::open(path.string()), 1}},
                         mixture_options{.context = 16, .sequences = 4});
    fs::remove_all(path);
  }
  for (int batch = 0; batch < 50; ++batch) {
    auto const rows = expected.next();
    for (auto& s : streams) {
      REQUIRE(same(s.next(), rows));
      REQUIRE(s.state() == expected.state());
    }
  }
}

TEST_CASE("a shard that shrinks while it is read is an error, after which a stream can go on") {
  test::temporary_folder const folder;
  auto const path = folder.path() / "c";
  test::write_corpus(path, toy_texts(30), 100000);
  auto const file = path / "00000.tokens";
  auto const good = test::read_text(file);
  mixture m({{train::corpus::open(path.string()), 1}}, {.context = 8, .sequences = 8});
  m.next();
  auto const state = m.state();
  auto const expected = m.next();
  m.restore(state);
  fs::resize_file(file, 16);
  REQUIRE_THROWS_WITH(m.next(), ContainsSubstring("the file ends inside the tokens"));
  REQUIRE_THROWS_WITH(m.restore(state), ContainsSubstring("the file ends inside the tokens"));
  std::ofstream(file, std::ios::binary | std::ios::in) << good;  // the same file, not a new one
  m.restore(state);
  REQUIRE(same(m.next(), expected));
}

TEST_CASE("a stream goes on with batches of another size") {
  std::vector<train::mixture_source> const sources{{in_memory(toy_texts(9)), 1}};
  mixture m(sources, {.context = 5, .sequences = 2}), wider(sources, {.context = 3, .sequences = 1});
  m.next();
  wider.restore(m.state());
  auto const a = m.next(), b = wider.next();
  for (std::size_t i = 0; i < b.size(); ++i) REQUIRE(a[i].token == b[i].token);
}

TEST_CASE("a state that does not fit is refused, and changes nothing") {
  auto const a = in_memory(toy_texts(9), "a"), b = in_memory(toy_texts(5, 100), "b"),
             c = in_memory(toy_texts(6, 100), "c");
  mixture_options const options{.context = 5, .sequences = 2};
  mixture m({{a, 1}, {b, 2}}, options);
  for (int i = 0; i < 5; ++i) m.next();
  auto const good = m.state();
  auto const refuses = [&](mixture& by, io::json const& state, std::string const& message) {
    auto const before = by.state();
    REQUIRE_THROWS_WITH(by.restore(state), ContainsSubstring(message));
    REQUIRE(by.state() == before);
  };
  mixture other_documents({{a, 1}, {c, 2}}, options), other_weights({{a, 1}, {b, 1}}, options),
      fewer({{a, 1}}, options), swapped({{b, 2}, {a, 1}}, options), other_seed({{a, 1}, {b, 2}}, {.seed = 1}),
      other_split({{a, 1}, {b, 2}}, {.held_out = 0.02});
  refuses(other_documents, good, "state of the data: source 1, c: documents (expected ");
  refuses(other_weights, good, "source 1, b: weight (expected 1, found 2)");
  refuses(fewer, good, "sources (expected 1, found 2)");
  refuses(swapped, good, "source 0, b: documents");
  refuses(other_seed, good, "seed (expected 0000000000000001, found 0000000000000000)");
  refuses(other_split, good, "held_out (expected 0.02, found 0.01)");
  auto const with = [&](std::string const& place, io::json const& value) {
    auto copy = good;
    copy[io::json::json_pointer(place)] = value;
    return copy;
  };
  constexpr auto most = ~std::uint64_t{0};
  refuses(m, 3, "expected a JSON object, found number");
  refuses(m, with("/offset", most), "offset (expected 0 to ");
  refuses(m, with("/offset", -1), "offset (expected a whole number, found -1)");
  refuses(m, with("/source", 2), "source (expected one with a document that was begun, found 2)");
  refuses(m, with("/source", "x"), "source (expected a whole number");
  refuses(m, with("/source", nullptr), "offset (expected 0 to 0");
  refuses(m, with("/sources/0/next", 10), "out of range (expected a place in 9 documents");
  refuses(m, with("/sources/0/epoch", most), "out of range");
  refuses(m, with("/sources/0/epoch", 1), "out of range");
  refuses(m, with("/sources/0/served", most), "out of range");
  for (auto const& [name, value] : good.items()) {
    auto copy = good;
    copy.erase(name);
    refuses(m, copy, name + " is missing");
  }
}

TEST_CASE("held-out documents are the same ones in every mixture, and never trained on") {
  auto const texts = toy_texts(400);
  auto const from = in_memory(texts), beside = in_memory(toy_texts(300, 5000));
  std::set<std::vector<int>> out, wider;
  for (std::size_t i = 0; i < from->size(); ++i) {
    if (train::is_held_out(from->hash(i), 0.1)) out.insert(texts[i]);
    if (train::is_held_out(from->hash(i), 0.2)) wider.insert(texts[i]);
  }
  REQUIRE((out.size() > 15 && out.size() < 70));
  REQUIRE(std::ranges::includes(wider, out));
  mixture m({{from, 1}, {beside, 0.5}}, {.held_out = 0.1, .seed = 9});
  std::set<std::vector<int>> trained;
  for (auto const& d : served(m, 4 * from->tokens())) trained.insert(d);
  for (auto const& t : texts) REQUIRE(trained.contains(t) != out.contains(t));

  auto const rows = train::held_out_rows(*from, 0.1, 16, documents_see::across, 1 << 20);
  std::vector<std::vector<int>> read;
  for (auto const& r : rows) {
    if (r.token == 1) read.emplace_back();
    read.back().push_back(r.token);
  }
  REQUIRE(read.size() == out.size());
  REQUIRE((std::set<std::vector<int>>(read.begin(), read.end()) == out));
  auto shuffled = texts;
  std::ranges::reverse(shuffled);
  REQUIRE(same(rows, train::held_out_rows(*in_memory(shuffled), 0.1, 16, documents_see::across, 1 << 20)));
}

TEST_CASE("held-out rows end where they should") {
  auto const from = in_memory(toy_texts(400));
  auto const all = train::held_out_rows(*from, 0.1, 16, documents_see::within, 1 << 20);
  auto const some = train::held_out_rows(*from, 0.1, 16, documents_see::within, 100);
  REQUIRE(some.size() == 100);
  double weights = 0;
  for (std::size_t i = 0; i < some.size(); ++i) {
    REQUIRE(some[i].token == all[i].token);
    REQUIRE(some[i].target == all[i + 1].token);
    REQUIRE(some[i].position == all[i].position);
    weights += double(some[i].weight);
  }
  REQUIRE(std::abs(weights - 1) < 1e-6);
  REQUIRE(all.back().target == 1);
  REQUIRE(train::held_out_rows(*from, 0, 16, documents_see::within, 100).empty());
  REQUIRE_THROWS_WITH(train::held_out_rows(*from, 1, 16, documents_see::within, 100),
                      Equals("held-out fraction: out of range (expected 0 to less than 1, found 1)"));
}

TEST_CASE("sources that don't go together are refused") {
  auto const from = in_memory(toy_texts(9), "a"), again = in_memory(toy_texts(9), "b"),
             wide = in_memory(toy_texts(8), "c", 301);
  auto const refuses = [](std::vector<train::mixture_source> sources, mixture_options const& o,
                          std::string const& message) {
    REQUIRE_THROWS_WITH(mixture(std::move(sources), o), ContainsSubstring(message));
  };
  refuses({}, {}, "mixture: sources (expected one at least, found none)");
  refuses({{from, 1}, {again, 1}}, {}, "b: the same documents as a");
  refuses({{from, 1}, {wide, 1}}, {}, "c: its tokens are not those of a");
  for (double const weight : {0.0, -1.0, double(NAN), double(INFINITY)})
    refuses({{from, weight}}, {}, "a: weight (expected a positive number, found ");
  for (double const fraction : {-0.1, 1.0, double(NAN)})
    refuses({{from, 1}}, {.held_out = fraction}, "held-out fraction");
  refuses({{from, 1}}, {.context = 0}, "size of a batch");
  refuses({{from, 1}}, {.sequences = 0}, "size of a batch");
  refuses({{from, 1}}, {.context = 1 << 20, .sequences = 1 << 20}, "size of a batch");
  double all_out = 0.99;
  while (!train::is_held_out(from->hash(0), all_out)) all_out = (all_out + 1) / 2;
  refuses({{in_memory({from->read(0)}, "a"), 1}}, {.held_out = all_out}, "a: nothing to train on");
}
