#pragma once
// Files and folders that appear whole or not at all: written under another name beside the target, made durable,
// renamed.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "cria/core/error.hpp"

namespace cria::io {
namespace detail {

[[noreturn]] inline void refuse(std::string const& path, std::string_view what) {
  throw error(path, fmt::format("{}: {}", what, std::strerror(errno)));
}

/// A free name beside `path`, hidden, in which `make(name)` made something. `make` returns false with errno set.
template <class Make>
std::filesystem::path make_beside(std::filesystem::path const& path, Make const& make) {
  std::random_device random;
  for (int attempt = 0; attempt < 100; ++attempt) {
    auto const name = fmt::format(".{}-{:06x}", path.filename().string(), random() & 0xffffffu);
    if (auto const beside = path.parent_path() / name; make(beside.c_str())) return beside;
    if (errno != EEXIST) break;
  }
  refuse(path.string(), "cannot be written");
}

/// Puts an open file or folder on the disk. What has no disk behind it (a device, a pipe) says EINVAL.
inline void make_durable(int file, std::string const& path) {
  if (::fsync(file) != 0 && errno != EINVAL && errno != EROFS) refuse(path, "cannot be written");
}

inline void make_folder_durable(std::filesystem::path const& folder) {
  auto const path = folder.empty() ? std::string(".") : folder.string();
  int const file = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) refuse(path, "cannot be opened");
  int const failed = ::fsync(file) != 0 && errno != EINVAL ? errno : 0;
  ::close(file);
  errno = failed;
  if (failed != 0) refuse(path, "cannot be written");
}

}  // namespace detail

/// Throws cria::error where no file or folder of the new name `path` can be made: something is there, or the folder that
/// it would be in is missing, is none or may not be written.
inline void check_new(std::filesystem::path path) {
  if (!path.has_filename()) path = path.parent_path();  // "name/"
  auto const name = path.string(), folder = path.has_parent_path() ? path.parent_path().string() : std::string(".");
  if (name.empty()) throw error("", "cannot be made", "a new name", "an empty one");
  struct stat about {};
  if (::lstat(name.c_str(), &about) == 0) throw error(name, "cannot be made", "a new name", "one that is there already");
  if (errno != ENOENT) detail::refuse(name, "cannot be written");
  if (::access(folder.c_str(), W_OK | X_OK) != 0) detail::refuse(name, "cannot be written");
}

/// A new file, or a new content for a file, that takes its place on commit(). Without commit() nothing changes. A
/// target that is no regular file (a device, a pipe) is written as it is. Everything throws cria::error with the file's
/// name and the system's reason. Writes go to the system one by one: give large pieces.
class atomic_file {
 public:
  explicit atomic_file(std::string path) : path_(std::move(path)) {
    struct stat about {};
    if (::stat(path_.c_str(), &about) == 0 && !S_ISREG(about.st_mode)) {
      if (S_ISDIR(about.st_mode)) throw error(path_, "cannot be written", "a file", "a folder");
      file_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe that nobody reads must not hold us
      if (file_ < 0) detail::refuse(path_, "cannot be written");
      ::fcntl(file_, F_SETFL, 0);
      return;
    }
    temporary_ = detail::make_beside(path_, [&](char const* name) {
      file_ = ::open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      return file_ >= 0;
    });
  }
  atomic_file(atomic_file&& other) noexcept
      : path_(std::move(other.path_)),
        temporary_(std::exchange(other.temporary_, {})),
        file_(std::exchange(other.file_, -1)),
        size_(other.size_) {}
  atomic_file& operator=(atomic_file&&) = delete;
  ~atomic_file() {
    if (file_ >= 0) ::close(file_);
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }

  std::string const& path() const { return path_; }
  /// Bytes written so far.
  std::uint64_t size() const { return size_; }

  void write(std::span<std::byte const> bytes) {
    while (!bytes.empty()) {
      auto const written = ::write(file_, bytes.data(), std::min<std::size_t>(bytes.size(), 1 << 30));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) detail::refuse(path_, "cannot be written");
      size_ += std::uint64_t(written);
      bytes = bytes.subspan(std::size_t(written));
    }
  }
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }

  /// Makes what was written durable, and then the file of this name. Nothing may be written afterwards.
  void commit() {
    detail::make_durable(file_, path_);
    if (::close(std::exchange(file_, -1)) != 0) detail::refuse(path_, "cannot be written");
    if (temporary_.empty()) return;
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) detail::refuse(path_, "cannot be written");
    temporary_.clear();
    detail::make_folder_durable(std::filesystem::path(path_).parent_path());
  }

 private:
  std::string path_;
  std::filesystem::path temporary_;  // empty: the target itself is written, or there is nothing to remove
  int file_ = -1;
  std::uint64_t size_ = 0;
};

/// Writes a whole file at once.
inline void write_file(std::string path, std::string_view content) {
  atomic_file file(std::move(path));
  file.write(content);
  file.commit();
}

/// A folder of files that appears with all of them on commit(). Until then they are in temporary(), which goes away
/// with this object.
class atomic_folder {
 public:
  explicit atomic_folder(std::filesystem::path path) : path_(std::move(path)) {
    if (!path_.has_filename()) path_ = path_.parent_path();  // "name/"
    temporary_ = detail::make_beside(path_, [](char const* name) { return ::mkdir(name, 0777) == 0; });
  }
  atomic_folder(atomic_folder const&) = delete;
  atomic_folder& operator=(atomic_folder const&) = delete;
  ~atomic_folder() {
    std::error_code ignored;
    if (!temporary_.empty()) std::filesystem::remove_all(temporary_, ignored);
  }

  std::filesystem::path const& temporary() const { return temporary_; }

  /// Throws cria::error where there is something of this name that is more than an empty folder.
  void commit() {
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) detail::refuse(path_.string(), "cannot be made");
    temporary_.clear();
    detail::make_folder_durable(path_.parent_path());
  }

  /// Takes the place of a folder that may be there, and removes that.
  void replace() {
    if (!std::filesystem::exists(path_)) return commit();
    if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), RENAME_EXCHANGE) != 0)
      detail::refuse(path_.string(), "cannot be replaced");
    detail::make_folder_durable(path_.parent_path());
  }

 private:
  std::filesystem::path path_, temporary_;
};

}  // namespace cria::io
