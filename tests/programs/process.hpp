#pragma once
// Runs a program as a user does: arguments and stdin in, stdout, stderr and the exit code out.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>

#include "support/paths.hpp"

namespace cria::test {

struct outcome {
  std::string out, err;
  int code = -1;  // of the exit; -1: ended by a signal
};

/// The programs are in CRIA_PROGRAMS, typegen is CRIA_TYPEGEN. `input` is what stdin holds, `output` a file in place of
/// stdout.
inline outcome run(std::string const& program, std::vector<std::string> arguments, std::string const& input = "",
                   std::string const& output = "") {
  temporary_folder const folder;
  auto const in = folder.write("in", input), out = (folder.path() / "out").string(),
             err = (folder.path() / "err").string();
  auto const executable =
      (program == "typegen" ? environment("CRIA_TYPEGEN") : environment("CRIA_PROGRAMS") / program).string();
  arguments.insert(arguments.begin(), executable);
  pid_t const child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    auto const redirect = [](std::string const& path, int flags, int to) { dup2(open(path.c_str(), flags, 0600), to); };
    redirect(in, O_RDONLY, STDIN_FILENO);
    redirect(output.empty() ? out : output, O_WRONLY | (output.empty() ? O_CREAT : 0), STDOUT_FILENO);
    redirect(err, O_WRONLY | O_CREAT, STDERR_FILENO);
    std::vector<char*> argv;
    for (auto& a : arguments) argv.push_back(a.data());
    argv.push_back(nullptr);
    execv(executable.c_str(), argv.data());
    _exit(127);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return {output.empty() ? read_text(out) : "", read_text(err), WIFEXITED(status) ? WEXITSTATUS(status) : -1};
}

/// The program said in one line what was wrong, wrote nothing, and left with 2.
inline void check_refused(std::string const& program, std::vector<std::string> const& arguments,
                          std::string const& part, std::string const& input = "", std::string const& output = "") {
  auto const o = run(program, arguments, input, output);
  std::string all = program;
  for (auto const& a : arguments) all += " " + a;
  INFO(all << "\n" << o.err);
  CHECK(o.code == 2);
  CHECK(o.out.empty());
  CHECK(o.err.starts_with(program + ": "));
  CHECK(o.err.find(part) != std::string::npos);
  CHECK(o.err.find('\n') == o.err.size() - 1);
}

/// Flags that name the small model.
inline std::vector<std::string> with_model(std::vector<std::string> arguments) {
  auto const folder = stories260k_file("").string();
  for (auto const& a :
       {std::string("--model"), folder + "stories260K.bin", std::string("--tokenizer"), folder + "tok512.bin"})
    arguments.push_back(a);
  return arguments;
}

}  // namespace cria::test
