// The loop with an engine made of arithmetic: it learns, goes on where it was, stops on what is no number, and cuts
// batches well.
#include <limits>

#include "cria/infer/random_numbers.hpp"
#include "cria/train/initialise.hpp"
#include "cria/train/trainer.hpp"
#include "support/paths.hpp"
#include "toy_engine.hpp"

using namespace cria;
using namespace cria::test;

namespace {

constexpr int tokens = 12;

/// Batches of five windows of 8 rows: t is followed by 2t + 1, mostly; every third window is two sequences, and its
/// first target does not count.
struct doubling {
  std::uint64_t drawn = 0;

  std::vector<train::row> next(int windows = 5) {
    std::vector<train::row> rows;
    int sequence = -1;
    for (int w = 0; w < windows; ++w, ++drawn) {
      infer::random_numbers random(drawn);
      int token = int(random.bits() % tokens), position = 0;
      for (int i = 0; i < 8; ++i) {
        int const after = random.uniform() < 0.1 ? int(random.bits() % tokens) : (2 * token + 1) % tokens;
        if (i == 0 || (i == 5 && drawn % 3 == 0)) ++sequence, position = 0;
        rows.push_back({token, sequence, position++, after, drawn % 3 == 0 && i == 0 ? 0.0f : 1.0f});
        token = after;
      }
    }
    float counted = 0;
    for (auto const& r : rows) counted += r.weight;
    for (auto& r : rows) r.weight /= counted;
    return rows;
  }
};

train::trainer_options options(long steps) {
  train::recipe how{.name = "toy",
                    .parameters = 1,
                    .peak_rate = 0.1,
                    .warmup = 5,
                    .batch_tokens = 40,
                    .context = 8,
                    .tokens = steps * 40};
  return {.how = how, .held_out = doubling{1'000'000}.next(10), .validate_every = 10, .save_every = 7};
}

train::run_end train_toy(train::engine& model, doubling& source, train::observer& watch, long steps,
                         train::progress begun = {}) {
  return train::trainer(
             model, [&] { return source.next(); }, options(steps), begun)
      .run(watch);
}

using values = std::array<std::vector<float>, 6>;

values everything(train::engine const& model) {
  values all;
  for (std::size_t s = 0; s < 3; ++s)
    for (std::size_t p = 0; p < 2; ++p) all[s * 2 + p] = model.read(train::state(s), p);
  return all;
}

struct saved {
  train::progress done;
  std::uint64_t drawn;
  values all;
};

struct keeper : train::observer {
  keeper(train::engine const& m, doubling const& s, long stop_after = -1) : model(m), source(s), stop_at(stop_after) {}
  void stepped(train::step_record const& r) override { records.push_back(r); }
  void save(train::step_record const& r) override { saves.push_back({r.done, source.drawn, everything(model)}); }
  bool stop() override { return long(records.size()) + 1 == stop_at; }

  train::engine const& model;
  doubling const& source;
  long stop_at;
  std::vector<train::step_record> records;
  std::vector<saved> saves;
};

/// As bits, but for the times.
bool same(train::step_record const& a, train::step_record const& b) {
  return a.done.step == b.done.step && a.done.tokens == b.done.tokens && a.loss == b.loss &&
         a.gradient_norm == b.gradient_norm && a.rate == b.rate && a.validation_loss == b.validation_loss;
}

/// A toy that goes wrong in one step.
struct faulty : toy_trainer {
  enum class fault { loss, norm, weight } what;
  long at;
  faulty(fault f, long step) : toy_trainer(tokens), what(f), at(step) {}
  double accumulate(std::span<train::row const> rows) override {
    double const sum = toy_trainer::accumulate(rows);
    return what == fault::loss && long(updates.size()) + 1 == at ? std::numeric_limits<double>::quiet_NaN() : sum;
  }
  double update(train::adamw const& how) override {
    double const norm = toy_trainer::update(how), infinity = std::numeric_limits<double>::infinity();
    if (what == fault::weight && how.step == at) {
      auto vector = read(train::state::weight, 1);
      vector[3] = float(infinity);
      write(train::state::weight, 1, vector);
    }
    return what == fault::norm && how.step == at ? infinity : norm;
  }
};

}  // namespace

TEST_CASE("the loss falls, and everything is counted") {
  toy_trainer model(tokens);
  doubling source;
  keeper watch(model, source);
  CHECK(train_toy(model, source, watch, 100) == train::run_end::finished);
  REQUIRE(watch.records.size() == 100);
  CHECK(watch.records[0].loss > 2.3);
  CHECK(watch.records[99].loss < 1);
  CHECK(*watch.records[99].validation_loss < 1);
  for (std::size_t i = 0; i < 100; ++i) {
    auto const& r = watch.records[i];
    CHECK(r.done.step == long(i) + 1);
    CHECK(r.done.tokens == 40 * r.done.step);
    CHECK(r.rate == train::schedule{0.1, 5, 100}.rate(r.done.step));
    CHECK(model.updates[i].rate == r.rate);
    CHECK(model.updates[i].step == r.done.step);
    CHECK(r.validation_loss.has_value() == (r.done.step % 10 == 0 || r.done.step % 7 == 0));  // what is saved is validated
    CHECK(r.peak_share == r.flops_per_second / 1e12);
  }
  REQUIRE(watch.saves.size() == 15);  // every 7 and the last
  CHECK(watch.saves[0].done.step == 7);
  CHECK(watch.saves[14].done.step == 100);
}

TEST_CASE("a run that goes on ends with the same bits as one that was never interrupted") {
  toy_trainer whole(tokens);
  doubling source;
  keeper all(whole, source);
  train::initialise(whole, train::recipes[0], 3);
  train_toy(whole, source, all, 50);
  for (long const cut : {1, 7, 23, 49, 50}) {
    toy_trainer first(tokens), second(tokens);
    doubling before, after;
    keeper begun(first, before, cut), gone_on(second, after);
    train::initialise(first, train::recipes[0], 3);
    auto const end = train_toy(first, before, begun, 50);
    CHECK((end == train::run_end::stopped) == (cut < 50));
    auto const& last = begun.saves.back();
    REQUIRE(last.done.step == cut);
    for (std::size_t s = 0; s < 3; ++s)
      for (std::size_t p = 0; p < 2; ++p) second.write(train::state(s), p, last.all[s * 2 + p]);
    after.drawn = last.drawn;
    train_toy(second, after, gone_on, 50, last.done);
    REQUIRE(begun.records.size() + gone_on.records.size() == 50);
    for (std::size_t i = 0; i < 50; ++i)
      CHECK(same(all.records[i], i < std::size_t(cut) ? begun.records[i] : gone_on.records[i - std::size_t(cut)]));
    CHECK(everything(second) == everything(whole));
  }
}

TEST_CASE("what is no number ends the run, and nothing is saved after it") {
  for (auto const what : {faulty::fault::loss, faulty::fault::norm, faulty::fault::weight}) {
    faulty model(what, 14);  // a step that would be saved
    doubling source;
    keeper watch(model, source);
    CHECK_THROWS_AS(train_toy(model, source, watch, 50), error);
    REQUIRE(watch.saves.size() == 1);
    CHECK(watch.saves[0].done.step == 7);
    for (auto const& values : watch.saves[0].all)
      for (float const v : values) REQUIRE(std::isfinite(v));
  }
}

TEST_CASE("any cut of a batch gives the same rows") {
  auto const batch = doubling{}.next(7);
  double whole = 0;
  for (int const most : {8, 9, 16, 31, 56, 1000}) {
    toy_trainer check(tokens, most);  // refuses what is no whole sequence, or too long
    auto const parts = train::micro_batches(batch, most);
    double loss = 0;
    std::size_t at = 0;
    for (auto const& part : parts) {
      loss += check.accumulate(part);
      for (std::size_t i = 0; i < part.size(); ++i, ++at) {
        CHECK(part[i].token == batch[at].token);
        CHECK(part[i].target == batch[at].target);
        CHECK(part[i].position == batch[at].position);
        CHECK(part[i].weight == batch[at].weight);
        bool const begins = i == 0 || batch[at].sequence != batch[at - 1].sequence;
        CHECK(part[i].sequence == (i == 0 ? 0 : part[i - 1].sequence + begins));
      }
    }
    CHECK(at == batch.size());
    if (most == 8) whole = loss;
    CHECK((most != 8 || parts.size() == 7));  // a window's two sequences fit together
    CHECK(std::abs(loss - whole) < 1e-12);
  }
  CHECK(train::micro_batches(batch, 1000).size() == 1);
  CHECK_THROWS_AS(train::micro_batches(batch, 7), error);
  CHECK_THROWS_AS(train::micro_batches({}, 56), error);
}
