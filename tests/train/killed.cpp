// A run that is killed again and again ends with the same bits as one that never was.
#include "cria/infer/random_numbers.hpp"
#include "pretrain_process.hpp"

using namespace cria::test;

TEST_CASE("killed at random times, a run ends with the same bits") {
  temporary_folder const folder;
  auto const whole = (folder.path() / "whole").string(), killed = (folder.path() / "killed").string();
  std::vector<std::string> const how{"--model",          environment("CRIA_MODEL").string(),
                                     "--steps",          "400",
                                     "--batch-tokens",   "64",
                                     "--context",        "32",
                                     "--save-every",     "3",
                                     "--validate-every", "50",
                                     "--keep",           "2"};
  auto without_end = how;
  REQUIRE(run("pretrain", pretrain_arguments(folder, whole, how)).code == 0);
  without_end.push_back("--resume");
  cria::infer::random_numbers random(11);
  int kills = 0;
  std::size_t furthest = 0;
  while (kills < 24) {
    pretrain_process process(pretrain_arguments(folder, killed, without_end), 2);
    // between the start of a program and ten steps further than ever, in the middle of a step or of a checkpoint
    if (random.uniform() < 0.8) process.wait_for_steps(killed, furthest + std::size_t(8 * random.uniform()));
    std::this_thread::sleep_for(std::chrono::microseconds(long(10000 * random.uniform())));
    INFO(process.messages());
    REQUIRE(process.running());
    process.send(SIGKILL);
    REQUIRE(process.left() == -1);
    furthest = std::max(furthest, pretrain_process::lines(killed));
    ++kills;
  }
  REQUIRE(run("pretrain", pretrain_arguments(folder, killed, without_end)).code == 0);
  CHECK(same_files(whole + "/step-00000400", killed + "/step-00000400"));
  CHECK(same_steps(whole, killed));
}
