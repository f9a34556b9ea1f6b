#include "train/faults.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace {

bool counting = false;
std::string calls;
int broken = 0;
auto kind = cria::test::fault::none;

/// Whether this call is to fail.
bool fails(char call) {
  if (!counting) return false;
  calls += call;
  if (int(calls.size()) != broken) return false;
  if (kind == cria::test::fault::crash) ::_exit(cria::test::crashed);
  errno = ENOSPC;
  return true;
}

}  // namespace

namespace cria::test {

void break_call(int at, fault what) { counting = true, calls.clear(), broken = at, kind = what; }

std::string end_of_faults() {
  counting = false;
  return calls;
}

}  // namespace cria::test

// These take the place of the C library's in this program.
extern "C" {
ssize_t write(int file, void const* data, size_t size) {
  return fails('w') ? -1 : ::syscall(SYS_write, file, data, size);
}
int fsync(int) { return fails('s') ? -1 : 0; }
int renameat2(int from_folder, char const* from, int to_folder, char const* to, unsigned flags) noexcept {
  return fails('r') ? -1 : int(::syscall(SYS_renameat2, from_folder, from, to_folder, to, flags));
}
int rename(char const* from, char const* to) noexcept { return ::renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }
int mkdir(char const* path, mode_t mode) noexcept {
  return fails('m') ? -1 : int(::syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}
int unlinkat(int folder, char const* path, int flags) noexcept {
  return fails('u') ? -1 : int(::syscall(SYS_unlinkat, folder, path, flags));
}
}
