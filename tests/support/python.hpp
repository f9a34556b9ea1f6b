#pragma once
// Other programs' readers on what was written, through small scripts in Python.
#include <sys/wait.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "support/paths.hpp"

namespace cria::test {

/// Runs a script that ends with 0 where all is well, and with 77 where `reader`, its first argument, is not installed: then
/// the test is skipped. CRIA_PYTHON names another Python than python3.
inline void check_with_python(fs::path const& script, std::string const& reader, std::vector<std::string> const& arguments) {
  auto const python = environment("CRIA_PYTHON");
  temporary_folder const folder;
  auto const said = folder.path() / "said";
  auto const quoted = [](std::string const& word) { return "'" + word + "' "; };
  std::string command = quoted(python.empty() ? "python3" : python.string()) + quoted(script.string()) + quoted(reader);
  for (auto const& a : arguments) command += quoted(a);
  int const status = std::system((command + "> " + quoted(said.string()) + "2>&1").c_str());
  if (WEXITSTATUS(status) == 77 || WEXITSTATUS(status) == 127)
    SKIP("no python3 with " << reader << " (CRIA_PYTHON names one)");
  INFO(read_text(said));
  REQUIRE(status == 0);
}

}  // namespace cria::test
