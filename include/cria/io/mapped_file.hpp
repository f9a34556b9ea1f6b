#pragma once
// A file as read-only memory. Pages come in when they are read and can be let go again.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <utility>

#include "cria/core/error.hpp"

namespace cria::io {

/// Whether there is anything called `path`, a link that leads nowhere too: what is wrong with it is said where it is opened.
inline bool is_there(std::string const& path) {
  struct stat about {};
  return ::lstat(path.c_str(), &about) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

/// The bytes of a file, or bytes in memory that are read as if they were one. Move-only.
class mapped_file {
 public:
  /// Maps `path`. Throws cria::error when it cannot be opened or is not a regular file.
  explicit mapped_file(std::string path) : path_(std::move(path)) {
    // without O_NONBLOCK a pipe nobody writes to would hold us here
    int const file = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) throw error(path_, std::string("cannot be opened: ") + std::strerror(errno));
    struct stat about {};
    bool const regular = ::fstat(file, &about) == 0 && S_ISREG(about.st_mode);
    std::size_t const size = regular ? std::size_t(about.st_size) : 0;
    void* const data = size > 0 ? ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0) : nullptr;
    int const reason = errno;
    ::close(file);
    if (!regular)
      throw error(path_, "cannot be read", "a file", S_ISDIR(about.st_mode) ? "a folder" : "something else");
    if (data == MAP_FAILED) throw error(path_, std::string("cannot be mapped: ") + std::strerror(reason));
    bytes_ = {static_cast<std::byte const*>(data), size};
    mapped_ = size > 0;
  }

  /// `bytes` under the name `path`; they must outlive this object.
  mapped_file(std::string path, std::span<std::byte const> bytes) : path_(std::move(path)), bytes_(bytes) {}

  mapped_file(mapped_file&& other) noexcept
      : path_(std::move(other.path_)),
        bytes_(std::exchange(other.bytes_, {})),
        mapped_(std::exchange(other.mapped_, false)) {}
  mapped_file& operator=(mapped_file&& other) noexcept {
    std::swap(path_, other.path_), std::swap(bytes_, other.bytes_), std::swap(mapped_, other.mapped_);
    return *this;
  }
  ~mapped_file() {
    if (mapped_) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  }

  std::string const& path() const { return path_; }
  std::span<std::byte const> bytes() const { return bytes_; }

  /// Whether `range`, of this file or of another one, is a part of bytes().
  bool holds(std::span<std::byte const> range) const {
    auto const *const begin = bytes_.data(), *const end = begin + bytes_.size();
    return std::less_equal{}(begin, range.data()) && std::less_equal{}(range.data() + range.size(), end);
  }

  /// Lets go of the pages that hold `range`, where it is a part of bytes(); reading them again brings them back from the
  /// file.
  void release(std::span<std::byte const> range) const {
    if (!mapped_ || range.empty() || !holds(range)) return;
    auto const page = std::uintptr_t(::sysconf(_SC_PAGESIZE));
    auto const first = std::uintptr_t(range.data()) / page * page, last = std::uintptr_t(range.data() + range.size());
    ::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);  // advice: failing costs memory only
  }

 private:
  std::string path_;
  std::span<std::byte const> bytes_;
  bool mapped_ = false;
};

}  // namespace cria::io
