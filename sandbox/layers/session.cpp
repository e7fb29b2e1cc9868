#include "sandbox/layers/session.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

namespace lazaret::sandbox {

result<void> start_own_session() {
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);  // some can't be set
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::umask(022);
  if (::setsid() < 0) return os_failure("session", "setsid");
  return {};
}

}  // namespace lazaret::sandbox
