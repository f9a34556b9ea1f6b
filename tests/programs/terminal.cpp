// A conversation on a terminal.
#include <chrono>
#include <csignal>

#include <poll.h>
#include <pty.h>

#include "process.hpp"

using namespace cria::test;

namespace {

/// A program on a terminal of its own.
class terminal {
 public:
  terminal(std::string const& program, std::vector<std::string> arguments) {
    auto const executable = (environment("CRIA_PROGRAMS") / program).string();
    arguments.insert(arguments.begin(), executable);
    std::vector<char*> argv;
    for (auto& a : arguments) argv.push_back(a.data());
    argv.push_back(nullptr);
    child = forkpty(&side, nullptr, nullptr, nullptr);
    REQUIRE(child >= 0);
    if (child == 0) {
      setenv("TERM", "dumb", 1);
      setenv("TOY_MILLISECONDS", "20", 1);
      execv(executable.c_str(), argv.data());
      _exit(127);
    }
  }
  terminal(terminal const&) = delete;
  terminal& operator=(terminal const&) = delete;
  ~terminal() {
    if (child > 0) kill(child, SIGKILL), waitpid(child, nullptr, 0);
    close(side);
  }

  void type(std::string const& keys) { REQUIRE(write(side, keys.data(), keys.size()) == std::ptrdiff_t(keys.size())); }

  /// Reads until `text` appears, and returns what came before it.
  std::string expect(std::string const& text) {
    auto const end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (seen.find(text) == std::string::npos && std::chrono::steady_clock::now() < end && read_more()) {
    }
    INFO("waiting for '" << text << "', seen: " << seen);
    auto const at = seen.find(text);
    REQUIRE(at != std::string::npos);
    auto const before = seen.substr(0, at);
    seen.erase(0, at + text.size());
    return before;
  }

  /// The exit code, after the program has left by itself.
  int left() {
    while (read_more()) {
    }
    int status = 0;
    REQUIRE(waitpid(std::exchange(child, 0), &status, 0) > 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  bool read_more() {
    pollfd waiting{side, POLLIN, 0};
    if (poll(&waiting, 1, 10000) <= 0) return false;
    char part[4096];
    auto const n = read(side, part, sizeof part);
    if (n > 0) seen.append(part, std::size_t(n));
    return n > 0;
  }

  int side = -1;
  pid_t child = -1;
  std::string seen;
};

}  // namespace

TEST_CASE("a conversation") {
  terminal t("chat", with_model({"--max-tokens", "10", "--temperature", "0"}));
  t.expect("plain format");
  t.expect("> ");
  t.type("Once\r");
  auto const first = t.expect("--max-tokens");
  t.expect("> ");
  t.type("/help\r");
  t.expect("/reset");
  t.expect("> ");
  t.type("/nothing\r");
  t.expect("no such command");
  t.expect("> ");
  t.type("\xff\r");
  t.expect("UTF-8");
  t.expect("> ");
  t.type("/reset\r");
  t.expect("> ");
  t.type("Once\r");
  CHECK(t.expect("--max-tokens") == first);
  t.expect("> ");
  t.type("\x04");
  t.expect("tokens/s");
  CHECK(t.left() == 0);
}

TEST_CASE("Ctrl-C stops the answer and not the program") {
  terminal t("chat", with_model({"--max-tokens", "400", "--temperature", "0"}));  // 8 s
  t.expect("> ");
  t.type("Once\r");
  t.expect("\n");
  usleep(200000);
  t.type("\x03");
  CHECK(t.expect("> ").find("--max-tokens") == std::string::npos);  // what it says at the end of the 400
  t.type("half a line\x03");  // takes back what was typed
  t.expect("> ");
  t.type("/help\r");
  t.expect("Ctrl-D ends");
  t.expect("> ");
  t.type("\x04");
  CHECK(t.left() == 0);
}

TEST_CASE("when the context is full the user is told") {
  terminal t("chat", with_model({"--max-tokens", "1", "--temperature", "0"}));
  std::string text;
  for (int i = 0; i < 60; ++i) text += " x y";
  for (int i = 0; i < 4; ++i) {
    t.expect("> ");
    t.type(text + "\r");
    t.expect("--max-tokens");
  }
  t.expect("> ");
  t.type(text + "\r");
  t.expect("the context is full");
  t.expect("> ");
  t.type(text + text + text + "\r");
  t.expect("longer than the context");
  t.expect("> ");
  t.type("\x04");
  CHECK(t.left() == 0);
}
