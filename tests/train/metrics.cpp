// The log of a run: what is written is read, and what a killed run leaves is dealt with.
#include "cria/train/metrics.hpp"
#include "support/paths.hpp"

using namespace cria;
using namespace cria::test;

namespace {

train::step_record record(long step) {
  train::step_record r;
  r.done = {step, 40 * step, 0.25 * double(step)};
  r.loss = 1.0 / double(step), r.gradient_norm = 0.1, r.rate = 1e-4 / 3, r.tokens_per_second = 160,
  r.flops_per_second = 1e9 / 7, r.peak_share = 0.5;
  if (step % 2 == 0) r.validation_loss = 2.5;
  return r;
}

}  // namespace

TEST_CASE("a log of metrics goes on where a run does") {
  temporary_folder const folder;
  auto const path = (folder.path() / "metrics.jsonl").string();
  {
    train::metrics_log log(path, 0);
    for (long i = 1; i <= 9; ++i) log.add(record(i));
  }
  auto const whole = read_text(path);
  auto const all = train::read_metrics(path);
  REQUIRE(all.size() == 9);
  CHECK(all[2].loss == 1.0 / 3);
  CHECK(!all[2].validation_loss);
  CHECK(all[3].validation_loss == 2.5);
  CHECK(all[8].done.tokens == 360);
  folder.write("metrics.jsonl", whole + "{\"step\": 10, \"tok");  // killed in the middle of a line
  {
    train::metrics_log log(path, 6);
    for (long i = 7; i <= 9; ++i) log.add(record(i));
  }
  CHECK(read_text(path) == whole);
  train::metrics_log(path, 4);
  CHECK(train::read_metrics(path).size() == 4);
  train::metrics_log(path, 0);
  CHECK(read_text(path).empty());
}

TEST_CASE("a table of metrics") {
  CHECK(train::as_csv({record(2)}) ==
        "step,tokens,loss,validation_loss,gradient_norm,rate,tokens_per_second,flops_per_second,peak_share,seconds\n"
        "2,80,0.5,2.5,0.1,3.3333333333333335e-05,160,142857142.85714287,0.5,0.5\n");
  CHECK(train::as_csv({record(1)}).find("40,1,,0.1") != std::string::npos);
}

TEST_CASE("what is no log of metrics") {
  temporary_folder const folder;
  for (std::string const line :
       {"x", "{}", "[1]", "3", "{\"step\": \"1\"}", "{\"step\": -1, \"tokens\": 1, \"seconds\": 1}",
        "{\"step\": 1e30, \"tokens\": 1, \"seconds\": 1}", "{\"step\": 1, \"step\": 1}"})
    CHECK_THROWS_AS(train::read_metrics(folder.write("bad", line + "\n")), error);
  CHECK_THROWS_AS(train::read_metrics((folder.path() / "none").string()), error);
  CHECK_THROWS_AS(train::metrics_log((folder.path() / "none" / "metrics").string(), 0), error);
}
