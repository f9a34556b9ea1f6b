#pragma once
// A file read at any place without being mapped: one that shrinks meanwhile is an error, where a mapping would be a
// signal.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "cria/core/error.hpp"

namespace cria::io {

/// Move-only. Safe to read from several threads at once.
class random_access_file {
 public:
  /// Throws cria::error when `path` cannot be opened or is not a regular file.
  explicit random_access_file(std::string path)
      : path_(std::move(path)), file_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (file_ < 0) throw error(path_, std::string("cannot be opened: ") + std::strerror(errno));
    struct stat about {};
    bool const regular = ::fstat(file_, &about) == 0 && S_ISREG(about.st_mode);
    size_ = regular ? std::uint64_t(about.st_size) : 0;
    if (regular) return;
    ::close(file_);
    throw error(path_, "cannot be read", "a file", S_ISDIR(about.st_mode) ? "a folder" : "something else");
  }
  random_access_file(random_access_file&& other) noexcept
      : path_(std::move(other.path_)), file_(std::exchange(other.file_, -1)), size_(other.size_) {}
  random_access_file& operator=(random_access_file&&) = delete;
  ~random_access_file() {
    if (file_ >= 0) ::close(file_);
  }

  std::string const& path() const { return path_; }
  /// When it was opened.
  std::uint64_t size() const { return size_; }

  /// Fills `to` from byte `at` on. Throws cria::error, saying that this was `what`, where the file ends before.
  void read(std::uint64_t at, std::span<std::byte> to, std::string_view what) const {
    while (!to.empty()) {
      auto const n = ::pread(file_, to.data(), std::min<std::size_t>(to.size(), 1 << 30), off_t(at));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw error(path_, fmt::format("cannot be read: {}", std::strerror(errno)));
      if (n == 0)
        throw error(path_, fmt::format("the file ends inside {} at byte {}", what, at),
                    fmt::format("{} more bytes", to.size()), "0");
      at += std::uint64_t(n);
      to = to.subspan(std::size_t(n));
    }
  }

 private:
  std::string path_;
  int file_;
  std::uint64_t size_ = 0;
};

}  // namespace cria::io
