#include "cria/io/mapped_file.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "cria/io/byte_reader.hpp"
#include "support/paths.hpp"

using namespace cria;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("a mapped file shows the file's bytes, also after its pages were let go") {
  test::temporary_folder const folder;
  std::string content(3 << 20, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = char(i * 31 >> 4);
  io::mapped_file file(folder.write("weights", content));
  REQUIRE(io::as_text(file.bytes()) == content);
  file.release(file.bytes());
  file.release(file.bytes().subspan(5000, 100'000));
  REQUIRE(io::as_text(file.bytes()) == content);

  io::mapped_file const moved(std::move(file));
  REQUIRE(io::as_text(moved.bytes()) == content);
  REQUIRE(file.bytes().empty());
  REQUIRE(moved.path().ends_with("weights"));
}

TEST_CASE("released pages leave memory") {
  test::temporary_folder const folder;
  std::size_t const size = 32 << 20;
  io::mapped_file const file(folder.write("weights", std::string(size, 'w')));
  auto const file_pages = [] {  // kB of this process that are backed by files
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("RssFile:")) return std::stol(line.substr(8));
    return -1l;
  };
  if (file_pages() < 0) SKIP("this system has no RssFile in /proc/self/status");
  auto const before = file_pages();
  std::size_t sum = 0;
  for (auto const b : file.bytes()) sum += std::size_t(b);
  REQUIRE(sum == size * 'w');
  REQUIRE(file_pages() >= before + 30000);
  file.release(file.bytes());
  REQUIRE(file_pages() <= before + 2000);
}

TEST_CASE("a file knows its own bytes from others'") {
  test::temporary_folder const folder;
  io::mapped_file const file(folder.write("a", "0123456789")), other(folder.write("b", "0123456789"));
  auto const bytes = file.bytes();
  for (auto const first : {std::size_t{0}, std::size_t{4}, std::size_t{10}}) REQUIRE(file.holds(bytes.subspan(first)));
  REQUIRE_FALSE(file.holds(other.bytes()));
  io::mapped_file const middle("c", bytes.subspan(2, 5));
  REQUIRE(middle.holds(bytes.subspan(2, 5)));
  REQUIRE_FALSE(middle.holds(bytes.subspan(1, 5)));
  REQUIRE_FALSE(middle.holds(bytes.subspan(3, 5)));
  file.release(other.bytes());  // not this one's: nothing happens
  REQUIRE(io::as_text(other.bytes()) == "0123456789");
}

TEST_CASE("an empty file is no bytes") {
  test::temporary_folder const folder;
  io::mapped_file const file(folder.write("empty", ""));
  REQUIRE(file.bytes().empty());
  file.release(file.bytes());
}

TEST_CASE("what cannot be mapped is named") {
  test::temporary_folder const folder;
  auto const missing = (folder.path() / "missing").string();
  REQUIRE_THROWS_WITH(io::mapped_file(missing), ContainsSubstring(missing) && ContainsSubstring("No such file"));
  REQUIRE_THROWS_WITH(io::mapped_file(folder.path().string()), ContainsSubstring("expected a file, found a folder"));
  REQUIRE_THROWS_WITH(io::mapped_file("/dev/null"), ContainsSubstring("expected a file, found something else"));
}

TEST_CASE("a pipe is refused, not waited for") {
  test::temporary_folder const folder;
  auto const pipe = (folder.path() / "pipe").string();
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  REQUIRE_THROWS_WITH(io::mapped_file(pipe), ContainsSubstring("expected a file, found something else"));
}
