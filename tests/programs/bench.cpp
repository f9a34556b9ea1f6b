// `infer` of bench/: what it refuses, what it counts, and what a line of its output holds.
#include <sstream>

#include <catch2/catch_approx.hpp>
#include <nlohmann/json.hpp>

#include "process.hpp"

using namespace cria::test;
using Catch::Approx;

TEST_CASE("what to measure") {
  check_refused("infer", with_model({"--depth", "4000"}), "--depth: beyond the model's context (expected 0 to 384, found 4000)");
  check_refused("infer", with_model({"--depth", "0,500"}), "--depth: beyond the model's context");
  check_refused("infer", with_model({"--depth", "300", "--mixed"}), "--depth: beyond the model's context");
  check_refused("infer", with_model({"--depth=-1"}), "--depth: out of range");
  check_refused("infer", with_model({"--prompt", "513"}), "--prompt: beyond the model's context (expected 0 to 512, found 513)");
  check_refused("infer", with_model({"--decode", "513"}), "--decode: beyond the model's context");
  check_refused("infer", with_model({"--batch", "0"}), "--batch: out of range");
  check_refused("infer", with_model({"--repeat", "0"}), "--repeat: out of range");
  check_refused("infer", with_model({"--depth", "deep"}), "--depth");
  check_refused("infer", with_model({"--policy", "exact"}), "--policy");
  check_refused("infer", with_model({"--unknown"}), "--unknown");
}

TEST_CASE("one line for each figure, and its bytes as they are needed") {
  auto const o = run(
      "infer", with_model({"--json", "--repeat", "1", "--prompt", "3,5", "--decode", "4", "--depth", "0,2", "--batch", "1,2"}));
  REQUIRE(o.code == 0);
  CHECK(o.err.empty());
  std::vector<nlohmann::ordered_json> lines;
  std::istringstream text(o.out);
  for (std::string line; std::getline(text, line);) lines.push_back(nlohmann::ordered_json::parse(line));
  REQUIRE(lines.size() == 6);
  std::vector<std::string> const keys{"phase",       "model",      "threads",    "depth",      "batch", "tokens_per_s",
                                      "bytes_per_s", "flop_per_s", "read_limit", "flop_limit", "share"};
  struct {
    std::string phase;
    int depth, batch;
    double bytes_per_token;  // the toy's weights are 1000 bytes, a cached position 10
  } const expected[]{{"prefill", 0, 1, (1000 + 3 * 10) / 3.0}, {"prefill", 0, 1, (1000 + 5 * 10) / 5.0},
                     {"decode", 0, 1, 1000 + 2.5 * 10},        {"decode", 0, 2, 500 + 2.5 * 10},
                     {"decode", 2, 1, 1000 + 4.5 * 10},        {"decode", 2, 2, 500 + 4.5 * 10}};
  for (std::size_t i = 0; i < 6; ++i) {
    std::vector<std::string> found;
    for (auto const& [key, value] : lines[i].items()) found.push_back(key);
    CHECK(found == keys);
    CHECK(lines[i]["phase"] == expected[i].phase);
    CHECK(lines[i]["depth"] == expected[i].depth);
    CHECK(lines[i]["batch"] == expected[i].batch);
    CHECK(lines[i]["model"] == "stories260K.bin");
    CHECK(double(lines[i]["bytes_per_s"]) / double(lines[i]["tokens_per_s"]) == Approx(expected[i].bytes_per_token));
    CHECK(double(lines[i]["share"]) * (i < 2 ? double(lines[i]["flop_limit"]) : double(lines[i]["read_limit"])) ==
          Approx(double(lines[i][i < 2 ? "flop_per_s" : "bytes_per_s"])));
  }
}

TEST_CASE("without --json a table of the same figures") {
  auto const o = run("infer", with_model({"--repeat", "1", "--prompt", "3", "--decode", "4"}));
  REQUIRE(o.code == 0);
  CHECK(o.out.find("threads: 1") != std::string::npos);
  CHECK(o.out.find("\nprefill") != std::string::npos);
  CHECK(o.out.find("\ndecode") != std::string::npos);
}
