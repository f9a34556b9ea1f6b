#pragma once
// A picture by gnuplot: files beside a script, in a folder that goes away.
#include <cstdlib>
#include <filesystem>
#include <string>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cria/io/atomic_file.hpp"
#include "support/text_input.hpp"

namespace support {

class gnuplot {
 public:
  gnuplot() {
    std::string name = (std::filesystem::temp_directory_path() / "cria-plot-XXXXXX").string();
    if (!mkdtemp(name.data())) throw cria::error(name, "cannot be made");
    folder_ = name;
  }
  gnuplot(gnuplot const&) = delete;
  gnuplot& operator=(gnuplot const&) = delete;
  ~gnuplot() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  /// Throws cria::error where the name says neither kind of picture.
  static void check_name(std::string const& option, std::string const& out) {
    if (!out.ends_with(".svg") && !out.ends_with(".png"))
      throw cria::error(option, "kind of the picture", "a name that ends in .svg or .png", out);
  }
  /// The terminal for a picture of this name and size in points, and its output.
  static std::string terminal(std::string const& out, int width, int height) {
    auto const head =
        out.ends_with(".png")
            ? fmt::format("set terminal pngcairo size {},{} fontscale 2 linewidth 2 pointscale 2\n", 2 * width, 2 * height)
            : fmt::format("set terminal svg size {},{} dynamic font \"Helvetica,Arial,sans-serif,14\"\n", width, height);
    return head + "set output \"picture\"\n";
  }

  void put(std::string const& name, std::string const& content) const {
    cria::io::write_file((folder_ / name).string(), content);
  }

  /// Runs `script`, which begins with `terminal`, and writes what it drew to `out`. Throws cria::error where gnuplot is not
  /// there or fails.
  void draw(std::string const& script, std::string const& out) const {
    put("script", script);
    pid_t const child = fork();
    if (child < 0) throw cria::error("gnuplot", "cannot be started");
    if (child == 0) {
      int const log = open((folder_ / "log").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600),
                none = open("/dev/null", O_RDWR | O_CLOEXEC);
      dup2(none, STDIN_FILENO), dup2(log, STDOUT_FILENO), dup2(log, STDERR_FILENO);
      if (chdir(folder_.c_str()) == 0) execlp("gnuplot", "gnuplot", "-d", "script", nullptr);
      _exit(127);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
      throw cria::error("gnuplot", "cannot be started", "an installed gnuplot", "none");
    if (status != 0 || !std::filesystem::exists(folder_ / "picture"))
      throw cria::error("gnuplot", "failed: " + read_file((folder_ / "log").string()));
    cria::io::write_file(out, read_file((folder_ / "picture").string()));
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace support
