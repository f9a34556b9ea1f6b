#pragma once
// Ctrl-C, and a polite kill, as a flag.
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

/// The same for SIGTERM as well; a second signal ends the program there and then.
inline void catch_termination() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };
  action.sa_flags = int(SA_RESETHAND);
  for (int const signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
}

}  // namespace support
