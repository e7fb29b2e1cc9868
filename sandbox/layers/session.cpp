#include "sandbox/layers/session.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

namespace lazaret::sandbox {

sigset_t ignored_signals() {
  sigset_t all;
  sigemptyset(&all);
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction now {};
    if (::sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_IGN) ::sigaddset(&all, signal);
  }
  return all;
}

result<void> start_own_session(const sigset_t& ignored) {
  for (int signal = 1; signal < NSIG; ++signal)
    if (::sigismember(&ignored, signal) == 1) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::umask(022);
  if (::setsid() < 0) return os_failure("session", "setsid");
  return {};
}

}  // namespace lazaret::sandbox
