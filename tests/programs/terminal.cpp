// Programs on a terminal: a conversation, and a conversion's progress and end.
#include <chrono>
#include <csignal>
#include <optional>

#include <catch2/generators/catch_generators.hpp>
#include <poll.h>
#include <pty.h>

#include "process.hpp"
#include "support/files.hpp"

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

  /// Reads until the program says something.
  void expect_more() {
    while (seen.empty() && read_more()) {
    }
    REQUIRE(!seen.empty());
  }

  /// Until the program sleeps, as it does between keys: readline doesn't show what it did with a signal that comes a moment
  /// before.
  void wait_for_sleep() {
    for (int i = 0; i < 3000; ++i, usleep(10000)) {
      auto const about = read_text("/proc/" + std::to_string(child) + "/stat");
      if (about.substr(about.rfind(')') + 2, 1) == "S") return;
    }
    FAIL("the program doesn't wait for keys");
  }

  pid_t process() const { return child; }

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

/// A conversion of a model whose embedding is a hole in its file: 128 MB of zeros, which take a while to become blocks.
class conversion {
 public:
  conversion() {
    tiny_llama2c const small;
    auto const text = small.str();
    int const rows = 1'000'000;
    from = folder.write("zeros.bin", text.substr(0, 20) + raw(rows) + text.substr(24));
    fs::resize_file(from, text.size() + std::size_t(rows - small.vocabulary) * std::size_t(small.dim) * 4);
    program.emplace("convert", std::vector<std::string>{"--model", from, "--out", out.string(), "--dtype", "q4_0"});
  }

  /// Stops the program when its file is there under another name, and lets it go on after `meanwhile`.
  void pause(auto const& meanwhile) {
    for (int i = 0; i < 30000 && files() < 2; ++i) usleep(1000);
    REQUIRE(kill(program->process(), SIGSTOP) == 0);
    siginfo_t what{};
    REQUIRE(waitid(P_PID, id_t(program->process()), &what, WSTOPPED | WEXITED | WNOWAIT) == 0);
    std::uintmax_t written = 0;
    for (auto const& file : fs::directory_iterator(folder.path()))
      if (file.path() != from) written += file.file_size();
    if (what.si_code != CLD_STOPPED || written > 9'000'000) SKIP("half was done before it could be stopped");  // of 18 MB
    meanwhile();
    REQUIRE(kill(program->process(), SIGCONT) == 0);
  }

  long files() const { return std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()); }

  temporary_folder folder;
  std::string from;
  fs::path const out = folder.path() / "new.gguf";
  std::optional<terminal> program;
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
  t.expect_more();  // the answer has begun
  t.type("\x03");
  CHECK(t.expect("> ").find("--max-tokens") == std::string::npos);  // what it says at the end of the 400
  t.type("half a line");
  t.expect("half a line");
  t.wait_for_sleep();
  t.type("\x03");  // takes back what was typed
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

TEST_CASE("a conversion says on a terminal how far it is") {
  conversion c;
  c.pause([] { usleep(300000); });  // the line comes after 0.2 s
  c.program->expect(" MB/s, ");
  c.program->expect(" s left");
  c.program->expect("MB in q4_0");
  CHECK(c.program->left() == 0);
  CHECK(fs::exists(c.out));
}

TEST_CASE("a conversion that is stopped leaves nothing") {
  int const signal = GENERATE(SIGINT, SIGTERM);
  conversion c;
  c.pause([&] { REQUIRE(kill(c.program->process(), signal) == 0); });
  c.program->expect("convert: " + c.out.string() + ": not made: interrupted");
  CHECK(c.program->left() == 2);
  CHECK(c.files() == 1);  // the model
}
