#include "cria/io/atomic_file.hpp"

#include <sys/resource.h>

#include <csignal>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "support/paths.hpp"

using namespace cria;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Equals;
namespace fs = std::filesystem;

namespace {

auto names_in(fs::path const& folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

}  // namespace

TEST_CASE("a file appears on commit and not before") {
  test::temporary_folder const folder;
  auto const path = (folder.path() / "name").string();
  {
    io::atomic_file file(path);
    file.write("half");
    REQUIRE(file.size() == 4);
    REQUIRE_FALSE(fs::exists(path));
  }
  REQUIRE(fs::is_empty(folder.path()));
  io::write_file(path, "first");
  REQUIRE(test::read_text(path) == "first");
  {
    io::atomic_file file(path);
    file.write("sec"), file.write("ond");
    REQUIRE(test::read_text(path) == "first");
    file.commit();
  }
  REQUIRE(test::read_text(path) == "second");
  REQUIRE(names_in(folder.path()) == 1);
  auto const mode = fs::status(path).permissions();  // as any new file's: not those of a private temporary
  folder.write("other", "");
  REQUIRE(mode == fs::status(folder.path() / "other").permissions());
}

TEST_CASE("a file that cannot be written says why") {
  test::temporary_folder const folder;
  auto const at = [&](char const* name) { return (folder.path() / name).string(); };
  REQUIRE_THROWS_WITH(io::atomic_file(at("none/name")),
                      Equals(at("none/name") + ": cannot be written: No such file or directory"));
  REQUIRE_THROWS_WITH(io::atomic_file(folder.path().string()),
                      Equals(folder.path().string() + ": cannot be written (expected a file, found a folder)"));
  REQUIRE_THROWS_WITH(io::write_file("/dev/full", "x"),
                      Equals("/dev/full: cannot be written: No space left on device"));
  REQUIRE(fs::is_character_file("/dev/full"));
  io::write_file("/dev/null", "x");
  REQUIRE(fs::is_character_file("/dev/null"));
}

TEST_CASE("a file that becomes too large leaves the old one") {
  test::temporary_folder const folder;
  auto const path = folder.write("name", "old");
  auto const handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  rlimit const small{1000, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  std::string message;
  try {
    io::write_file(path, std::string(1001, 'x'));
  } catch (error const& e) {
    message = e.what();
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  REQUIRE(message == path + ": cannot be written: File too large");
  REQUIRE(test::read_text(path) == "old");
  REQUIRE(names_in(folder.path()) == 1);
}

TEST_CASE("a folder appears with all its files") {
  test::temporary_folder const folder;
  auto const path = folder.path() / "run";
  {
    io::atomic_folder lost(path);
    io::write_file((lost.temporary() / "a").string(), "1");
  }
  REQUIRE(fs::is_empty(folder.path()));
  {
    io::atomic_folder made(path / "");
    io::write_file((made.temporary() / "a").string(), "1");
    REQUIRE_FALSE(fs::exists(path));
    made.commit();
  }
  REQUIRE(test::read_text(path / "a") == "1");
  {
    io::atomic_folder again(path);
    io::write_file((again.temporary() / "a").string(), "2");
    REQUIRE_THROWS_WITH(again.commit(), Equals(path.string() + ": cannot be made: Directory not empty"));
    REQUIRE(test::read_text(path / "a") == "1");
    again.replace();
  }
  REQUIRE(test::read_text(path / "a") == "2");
  REQUIRE(names_in(folder.path()) == 1);
}

TEST_CASE("whether a name is new is known before anything is written") {
  test::temporary_folder const folder;
  auto const at = [&](char const* name) { return (folder.path() / name).string(); };
  io::check_new(at("new")), io::check_new(at("new/"));
  folder.write("file", "1"), fs::create_symlink("loop", at("loop"));
  for (auto const* const name : {"file", "loop", "."})
    REQUIRE_THROWS_WITH(io::check_new(at(name)), ContainsSubstring("cannot be made (expected a new name, found one that is"));
  REQUIRE_THROWS_WITH(io::check_new(""), ContainsSubstring("found an empty one"));
  REQUIRE_THROWS_WITH(io::check_new(at("none/new")), ContainsSubstring("cannot be written: No such file or directory"));
  REQUIRE_THROWS_WITH(io::check_new(at("file/new")), ContainsSubstring("cannot be written: Not a directory"));
  REQUIRE_THROWS_WITH(io::check_new(at("loop/new")), ContainsSubstring("cannot be written: Too many levels of symbolic"));
  REQUIRE_THROWS_WITH(io::check_new(at(std::string(300, 'n').c_str())), ContainsSubstring("File name too long"));
  REQUIRE(names_in(folder.path()) == 2);
}
