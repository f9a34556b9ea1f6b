#pragma once
// Ctrl-C as a flag.
#include <csignal>

#include <signal.h>

namespace support {

inline std::sig_atomic_t volatile interrupted = 0;

/// From now on Ctrl-C sets `interrupted` and nothing else.
inline void catch_interrupt() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };
  sigaction(SIGINT, &action, nullptr);
}

}  // namespace support
