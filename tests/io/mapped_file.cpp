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
