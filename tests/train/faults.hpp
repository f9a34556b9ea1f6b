#pragma once
// A disk that fails: the program's own write, fsync, rename, mkdir, renameat2 and unlinkat, of which one is made to go
// wrong. Syncing is never done, so that tests are quick.
#include <string>

namespace cria::test {

enum class fault { none, full_disk, crash };

/// From now on counts the calls; number `at`, from 1 on, ends in `what`: as if there were no room, or as if the program
/// were killed before it.
void break_call(int at, fault what);

/// The calls since then, a letter for each: write, fsync (s), rename, mkdir, unlinkat. No more faults.
std::string end_of_faults();

constexpr int crashed = 77;  // the exit code of a process that was "killed"

}  // namespace cria::test
