// The program pretrain as a user runs it, with a toy for the model: what it leaves behind, what it refuses, how it goes
// on.
#include <csignal>
#include <map>

#include "cria/model/checkpoint.hpp"
#include "cria/train/metrics.hpp"
#include "pretrain_process.hpp"

using namespace cria;
using namespace cria::test;
using nlohmann::json;

TEST_CASE("a run, its folder and its log") {
  temporary_folder const folder;
  auto const out = (folder.path() / "runs" / "a").string();
  auto const o = run("pretrain", pretrain_arguments(folder, out, {"--csv", "--sample-every", "30"}));
  INFO(o.err);
  REQUIRE(o.code == 0);
  auto const steps = train::read_metrics(out + "/metrics.jsonl");
  REQUIRE(steps.size() == 30);
  CHECK(steps[0].loss > 6);
  CHECK(steps[29].loss < steps[0].loss - 0.2);
  CHECK(steps[29].done.tokens == 30 * 256);
  CHECK(steps[9].validation_loss);
  CHECK(!steps[10].validation_loss);
  CHECK(read_text(out + "/metrics.csv") == train::as_csv(steps));
  CHECK(llama2::checkpoint::open(out + "/step-00000030").shape().vocabulary == 512);
  CHECK(fs::exists(out + "/step-00000025"));
  CHECK(!fs::exists(out + "/step-00000005"));
  CHECK(o.err.find("step 30 of 30") != std::string::npos);
  CHECK(o.out.size() > 10);  // the sample

  auto const lines = run("pretrain", pretrain_arguments(folder, (folder.path() / "b").string(), {"--json"}));
  REQUIRE(lines.code == 0);
  CHECK(lines.out.starts_with(read_text(folder.path() / "b" / "metrics.jsonl")));
  CHECK(json::parse(lines.out.substr(lines.out.rfind("\n", lines.out.size() - 2) + 1)).contains("sample"));
  CHECK(same_files(out + "/step-00000030", (folder.path() / "b" / "step-00000030").string()));
}

TEST_CASE("the seed, the rate and the data make another model") {
  temporary_folder const folder;
  auto const model = [&](std::string const& name, std::vector<std::string> more) {
    auto const out = (folder.path() / name).string();
    REQUIRE(run("pretrain", pretrain_arguments(folder, out, more)).code == 0);
    return read_text(out + "/step-00000030/model.safetensors");
  };
  std::map<std::string, std::string> all{{"plain", model("a", {})},
                                         {"seed", model("b", {"--seed", "5"})},
                                         {"rate", model("c", {"--rate", "0.02"})},
                                         {"warmup", model("d", {"--warmup", "20"})},
                                         {"data", model("e", {"--held-out", "0.6"})}};
  for (auto const& [a, bits] : all)
    for (auto const& [b, others] : all) CHECK((bits == others) == (a == b));
}

TEST_CASE("a signal ends a run after a step, which is saved, and it goes on from there") {
  temporary_folder const folder;
  auto const whole = (folder.path() / "whole").string(), cut = (folder.path() / "cut").string();
  REQUIRE(run("pretrain", pretrain_arguments(folder, whole, {"--save-every", "1000"})).code == 0);
  for (int const signal : {SIGINT, SIGTERM}) {
    fs::remove_all(cut);
    pretrain_process process(pretrain_arguments(folder, cut, {"--save-every", "1000"}), 20);
    process.wait_for_steps(cut, 7);
    process.send(signal);
    CHECK(process.left() == 0);
    CHECK(process.messages().find("stopped after step") != std::string::npos);
    auto const steps = train::read_metrics(cut + "/metrics.jsonl").size();
    CHECK(steps >= 7);
    CHECK(steps < 30);
    CHECK(fs::exists(cut + fmt::format("/step-{:08}", steps)));
    auto const arguments = pretrain_arguments(folder, cut, {"--resume", "--save-every", "1000"});
    REQUIRE(run("pretrain", arguments).code == 0);
    CHECK(same_files(whole + "/step-00000030", cut + "/step-00000030"));
    CHECK(same_steps(whole, cut));
    CHECK(run("pretrain", arguments).code == 0);  // there is nothing left to do
    CHECK(same_steps(whole, cut));
  }
}

TEST_CASE("a run goes on as it began") {
  temporary_folder const folder;
  auto const out = (folder.path() / "run").string();
  REQUIRE(run("pretrain", pretrain_arguments(folder, out, {})).code == 0);
  auto const refused = [&](std::vector<std::string> more, std::string const& part) {
    std::vector<std::string> all{"--model", config(), "--tokenizer", tokenizer(), "--out", out};
    all.insert(all.end(), more.begin(), more.end());
    check_refused("pretrain", all, part);
  };
  refused({"--data", folder.path() / "text"},
          "holds a run already (expected --resume, or another --out, found step 30)");
  refused({"--resume", "--seed", "9"}, "--seed: the run was begun with another (expected 1, found 9)");
  refused({"--resume", "--rate", "1"}, "--rate");
  refused({"--resume", "--steps", "40"}, "--steps");
  refused({"--resume", "--tokens", "100000"},
          "--tokens: the run was begun with another number of steps (expected 30, found 391)");
  refused({"--resume", "--data", folder.path() / "other"}, "--data");
  folder.write("text", text() + " more");
  refused({"--resume"}, "documents (expected");
  folder.write("text", text());
  auto const all = run("pretrain", {"--model", config(), "--tokenizer", tokenizer(), "--out", out, "--resume"});
  CHECK(all.code == 0);
  fs::resize_file(out + "/step-00000030/model.safetensors", 1000);  // as a broken disk may leave it
  auto const again = run("pretrain", {"--model", config(), "--tokenizer", tokenizer(), "--out", out, "--resume"});
  CHECK(again.code == 0);
  CHECK(again.err.find("passed over: ") != std::string::npos);
  CHECK(again.err.find("on from step 25") != std::string::npos);
  CHECK(train::read_metrics(out + "/metrics.jsonl").size() == 30);
}

TEST_CASE("what pretrain refuses") {
  temporary_folder const folder;
  auto const out = (folder.path() / "run").string();
  auto const refused = [&](std::vector<std::string> more, std::string const& part) {
    check_refused("pretrain", pretrain_arguments(folder, out, more), part);
    CHECK(!fs::exists(out));
  };
  check_refused("pretrain", {}, "--model");
  check_refused("pretrain", {"--model", config()}, "--data: required");
  check_refused("pretrain", {"--model", config(), "--data", folder.path() / "none"}, "none");
  check_refused("pretrain", {"--model", folder.path() / "none.json"}, "none.json");
  check_refused("pretrain", {"--model", folder.write("bad.json", "{\"hidden_size\": 1}")}, "bad.json");
  check_refused("pretrain", {"--model", config(), "--resume"}, "--out");
  folder.write("text", text());
  check_refused("pretrain", {"--model", config(), "--data", folder.path() / "text"}, "--tokenizer FILE");
  refused({"--unknown"}, "--unknown");
  refused({"--steps", "0"}, "--steps: out of range");
  refused({"--steps", "x"}, "--steps: not understood (expected a whole number, found x)");
  refused({"--steps", "-3"}, "--steps: out of range");
  refused({"--tokens", "100"}, "excludes");
  refused({"--batch-tokens", "100"},
          "--batch-tokens: out of range (expected a multiple of --context, 64, up to 2^30, found 100)");
  refused({"--batch-tokens", "-64"}, "--batch-tokens");
  refused({"--context", "513"}, "--context: out of range (expected 1 to 512, the model's, found 513)");
  for (std::string const rate : {"nan", "inf", "-1", "0", "1e9"}) refused({"--rate", rate}, "--rate");
  for (std::string const warmup : {"-1", "-2"}) refused({"--warmup", warmup}, "--warmup: out of range");
  refused({"--steps", "9223372036854775807"}, "--steps: out of range");
  refused({"--held-out", "1"}, "--held-out");
  refused({"--held-out", "nan"}, "--held-out");
  refused({"--save-every", "0"}, "--save-every");
  refused({"--validate-every", "-1"}, "--validate-every");
  refused({"--keep", "0"}, "--keep");
  refused({"--weights", "f16"}, "--weights");
  refused({"--weights", "bf16"}, "--weights: this program was compiled for others (expected f32, found bf16)");
  refused({"--documents", "none"}, "--documents");
  refused({"--data", folder.path() / "text=0"}, "the weight of a corpus");
  refused({"--data", folder.path() / "text=x"}, "the weight of a corpus");
  refused({"--data", folder.write("empty", "")}, "empty");
  refused({"--data", folder.write("bytes", "a\xff")}, "byte 1");
  refused({"--data", folder.path() / "text", folder.path() / "text"}, "twice");
  refused({"--tokenizer", folder.path() / "text"}, "text");
  fs::create_directory(folder.path() / "parts");
  folder.write("parts/config.json", read_text(config())), folder.write("parts/model.safetensors.index.json", "{}");
  refused({"--model", folder.path() / "parts"}, "weight_map");
  check_refused("pretrain", pretrain_arguments(folder, folder.path() / "text", {}), "text");
  check_refused("pretrain", pretrain_arguments(folder, "/proc/none/run", {}), "/proc/none/run");
}

TEST_CASE("a loss that is no number ends the program, and the last checkpoint stays") {
  temporary_folder const folder;
  auto const out = (folder.path() / "run").string();
  auto const o =
      run("pretrain",
          pretrain_arguments(folder, out, {"--rate", "1000", "--warmup", "0", "--save-every", "1", "--keep", "50"}));
  CHECK(o.code == 2);
  CHECK(o.err.find("is no finite number") != std::string::npos);
  std::vector<std::string> passed_over;
  auto const last = train::newest_checkpoint(out, passed_over);
  REQUIRE(last);
  CHECK(passed_over.empty());
  CHECK(last->state.step == long(train::read_metrics(out + "/metrics.jsonl").size()));
}
