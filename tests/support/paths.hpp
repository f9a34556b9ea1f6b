#pragma once
// Where tests find their data.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

namespace cria::test {

namespace fs = std::filesystem;

inline fs::path environment(char const* name) {
  char const* const value = std::getenv(name);
  return value == nullptr ? fs::path() : fs::path(value);
}

/// The golden cases: CRIA_GOLDEN, or tests/golden. `part` is a file or folder in it.
inline fs::path golden(fs::path const& part) {
  auto const given = environment("CRIA_GOLDEN");
  return (given.empty() ? fs::path(__FILE__).parent_path().parent_path() / "golden" : given) / part;
}

/// The small model that the repository carries.
inline fs::path stories260k() {
  return fs::path(__FILE__).parent_path().parent_path().parent_path() / "examples" / "models" / "stories260k";
}

/// A golden file; skips the test where the folder in CRIA_GOLDEN has none.
inline fs::path golden_file(fs::path const& part) {
  auto const path = golden(part);
  if (!fs::exists(path)) SKIP("there is no " << path.string());
  return path;
}

/// A file of the large data in CRIA_DATA; skips the test where it is not there.
inline fs::path data_file(fs::path const& part) {
  auto const folder = environment("CRIA_DATA");
  if (folder.empty()) SKIP("CRIA_DATA names no folder");
  if (!fs::exists(folder / part)) SKIP("there is no " << (folder / part).string());
  return folder / part;
}

/// A file of stories260K, which the repository carries.
inline fs::path stories260k_file(fs::path const& name) {
  return fs::path(__FILE__).parent_path().parent_path().parent_path() / "examples/models/stories260k" / name;
}

/// The default model's file: CRIA_SMOLLM2, or the user's cache folder; skips the test where it has not been fetched.
inline fs::path smollm2_file() {
  if (auto const given = environment("CRIA_SMOLLM2"); !given.empty()) return given;
  auto const cache = environment("XDG_CACHE_HOME");
  auto const path =
      (cache.empty() ? environment("HOME") / ".cache" : cache) / "cria" / "SmolLM2-135M-Instruct.Q4_1.gguf";
  if (!fs::exists(path)) SKIP("the default model is not in " << path.parent_path().string());
  return path;
}

inline std::string read_text(fs::path const& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline nlohmann::json read_json(fs::path const& path) { return nlohmann::json::parse(read_text(path)); }

/// A folder of its own for one test, removed at its end.
class temporary_folder {
 public:
  temporary_folder() {
    std::string name = (fs::temp_directory_path() / "cria-test-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  temporary_folder(temporary_folder const&) = delete;
  temporary_folder& operator=(temporary_folder const&) = delete;
  ~temporary_folder() { fs::remove_all(path_); }

  fs::path const& path() const { return path_; }

  /// Writes a file and returns its path.
  std::string write(std::string const& name, std::string const& content) const {
    std::ofstream file(path_ / name, std::ios::binary);
    file << content;
    REQUIRE(file);
    return (path_ / name).string();
  }

 private:
  fs::path path_;
};

}  // namespace cria::test
