#pragma once
// A small run of pretrain, and a process that can be killed.
#include <chrono>
#include <csignal>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "cria/train/metrics.hpp"
#include "cria/train/run_folder.hpp"
#include "programs/process.hpp"

namespace cria::test {

inline std::string config() { return stories260k_file("config.json").string(); }
inline std::string tokenizer() { return stories260k_file("tok512.bin").string(); }

/// Some 40 documents.
inline std::string text() {
  std::string all;
  for (int i = 0; i < 4000; ++i) all += fmt::format("{} llama{}", i * 7919 % 101, i % 25 == 24 ? ".\n\n" : " ");
  return all;
}

/// Thirty short steps; what is in `more` goes in front of what it replaces.
inline std::vector<std::string> pretrain_arguments(temporary_folder const& folder, std::string const& out,
                                                   std::vector<std::string> more) {
  if (!fs::exists(folder.path() / "text")) folder.write("text", text());
  std::vector<std::pair<std::string, std::string>> const usual{{"--model", config()},
                                                               {"--tokenizer", tokenizer()},
                                                               {"--data", folder.path() / "text"},
                                                               {"--out", out},
                                                               {"--steps", "30"},
                                                               {"--batch-tokens", "256"},
                                                               {"--context", "64"},
                                                               {"--rate", "0.05"},
                                                               {"--warmup", "3"},
                                                               {"--held-out", "0.2"},
                                                               {"--validate-every", "10"},
                                                               {"--save-every", "5"}};
  for (auto const& [flag, value] : usual)
    if (std::ranges::find(more, flag) == more.end()) more.push_back(flag), more.push_back(value);
  return more;
}

/// All files but training.json, which holds times.
inline bool same_files(fs::path const& a, fs::path const& b) {
  std::set<std::string> names;
  for (auto const& folder : {a, b})
    for (auto const& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename().string());
  for (auto const& name : names)
    if (name != "training.json" &&
        (!fs::exists(a / name) || !fs::exists(b / name) || read_text(a / name) != read_text(b / name)))
      return false;
  return true;
}

/// As bits, but for times and speeds.
inline bool same_steps(std::string const& a, std::string const& b) {
  auto const first = train::read_metrics(a + "/metrics.jsonl"), second = train::read_metrics(b + "/metrics.jsonl");
  return std::ranges::equal(first, second, [](auto const& x, auto const& y) {
    return x.done.step == y.done.step && x.done.tokens == y.done.tokens && x.loss == y.loss &&
           x.gradient_norm == y.gradient_norm && x.rate == y.rate && x.validation_loss == y.validation_loss;
  });
}

/// pretrain at work; its steps of the toy take `milliseconds` longer.
class pretrain_process {
 public:
  explicit pretrain_process(std::vector<std::string> arguments, int milliseconds = 0)
      : log_((folder_.path() / "err").string()) {
    auto const executable = (environment("CRIA_PROGRAMS") / "pretrain").string();
    arguments.insert(arguments.begin(), executable);
    std::vector<char*> argv;
    for (auto& a : arguments) argv.push_back(a.data());
    argv.push_back(nullptr);
    folder_.write("err", "");
    child_ = fork();
    REQUIRE(child_ >= 0);
    if (child_ == 0) {
      int const none = open("/dev/null", O_RDWR);
      dup2(none, STDIN_FILENO), dup2(none, STDOUT_FILENO), dup2(open(log_.c_str(), O_WRONLY), STDERR_FILENO);
      setenv("TOY_MILLISECONDS", std::to_string(milliseconds).c_str(), 1);
      execv(executable.c_str(), argv.data());
      _exit(127);
    }
  }
  pretrain_process(pretrain_process const&) = delete;
  pretrain_process& operator=(pretrain_process const&) = delete;
  ~pretrain_process() {
    if (child_ > 0) kill(child_, SIGKILL), waitpid(child_, nullptr, 0);
  }

  /// Until the log of the run has so many lines, or the process has left.
  void wait_for_steps(std::string const& run, std::size_t steps) {
    auto const end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (running() && lines(run) < steps) {
      REQUIRE(std::chrono::steady_clock::now() < end);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  static std::size_t lines(std::string const& run) {
    std::ifstream file(run + "/metrics.jsonl", std::ios::binary);
    return std::size_t(std::count(std::istreambuf_iterator<char>(file), {}, '\n'));
  }

  bool running() {
    if (child_ > 0 && waitpid(child_, &status_, WNOHANG) == child_) child_ = 0;
    return child_ > 0;
  }
  void send(int signal) { REQUIRE(kill(child_, signal) == 0); }
  /// The exit code; -1: ended by a signal.
  int left() {
    if (child_ > 0) REQUIRE(waitpid(std::exchange(child_, 0), &status_, 0) > 0);
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : -1;
  }
  std::string messages() const { return read_text(log_); }

 private:
  temporary_folder folder_;
  std::string log_;
  pid_t child_ = 0;
  int status_ = 0;
};

}  // namespace cria::test
