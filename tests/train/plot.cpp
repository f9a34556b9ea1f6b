// The program plot: what it draws and what it refuses.
#include "cria/train/metrics.hpp"
#include "programs/process.hpp"

using namespace cria;
using namespace cria::test;

namespace {

std::string log_of(int steps) {
  std::string all;
  for (long i = 1; i <= steps; ++i) {
    train::step_record r;
    r.done = {i, 4096 * i, double(i)};
    r.loss = 2 + 4.0 / double(i), r.rate = 3e-4, r.tokens_per_second = 1e4;
    if (i % 10 == 0) r.validation_loss = r.loss;
    all += train::to_line(r);
  }
  return all;
}

}  // namespace

TEST_CASE("runs as pictures") {
  if (std::system("gnuplot --version > /dev/null 2>&1") != 0) SKIP("there is no gnuplot");
  temporary_folder const folder;
  auto const make = [&](std::string const& name, int steps) {
    fs::create_directory(folder.path() / name);
    folder.write(name + "/metrics.jsonl", log_of(steps));
    return (folder.path() / name).string();
  };
  auto const a = make("first_run", 40), b = make("\"; system 'touch hacked' #$(touch hacked)`x`\\", 5000),
             one = make("one", 1);
  auto const svg = run("plot", {a, b, "--out", (folder.path() / "both.svg").string()});
  INFO(svg.err);
  REQUIRE(svg.code == 0);
  auto const picture = read_text(folder.path() / "both.svg");
  for (std::string const part :
       {"first_run", "touch hacked", "validation", "tokens (million)", "loss (nats per token)", "learning rate (10"})
    CHECK(picture.find(part) != std::string::npos);
  CHECK(picture.size() < 1'000'000);  // a long run is thinned out
  CHECK(!fs::exists("hacked"));
  CHECK(run("plot", {a, "--out", (folder.path() / "a.png").string(), "--by", "steps", "--speed"}).code == 0);
  CHECK(read_text(folder.path() / "a.png").starts_with("\x89PNG"));
  CHECK(run("plot", {a + "/metrics.jsonl"}).out == a + "/metrics.svg\n");
  CHECK(run("plot", {one}).code == 0);
}

TEST_CASE("what plot refuses") {
  temporary_folder const folder;
  auto const log = folder.write("metrics.jsonl", log_of(3));
  check_refused("plot", {}, "runs");
  check_refused("plot", {log, "--unknown"}, "--unknown");
  check_refused("plot", {log, "--by", "days"}, "--by");
  check_refused("plot", {log, "--out", "a.pdf"},
                "--out: kind of the picture (expected a name that ends in .svg or .png, found a.pdf)");
  check_refused("plot", {(folder.path() / "none").string()}, "none");
  check_refused("plot", {folder.write("empty", "")}, "nothing to plot");
  check_refused("plot", {folder.write("bad", "{\"step\": 1}\n")}, "bad, line 1: not a line of metrics");
  check_refused("plot", {folder.write("text", "a b c\n")}, "text, line 1: not JSON");
}
