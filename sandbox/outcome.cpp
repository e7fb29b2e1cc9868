#include "sandbox/outcome.hpp"

#include <cstring>

namespace lazaret::sandbox {

std::string_view name(ending e) noexcept {
  switch (e) {
    case ending::exited:
      return "exited";
    case ending::signalled:
      return "signalled";
    case ending::wall_timeout:
      return "wall_timeout";
    case ending::cpu_timeout:
      return "cpu_timeout";
    case ending::out_of_memory:
      return "out_of_memory";
    case ending::output_limit:
      return "output_limit";
    case ending::syscall_denied:
      return "syscall_denied";
    case ending::canceled:
      return "canceled";
  }
  return "unknown";
}

std::string describe(const outcome& o) {
  switch (o.reason) {
    case ending::exited:
      return "exited with code " + std::to_string(o.code);
    case ending::signalled: {
      const char* known = ::sigabbrev_np(o.signal);
      return "killed by signal " + std::to_string(o.signal) + (known ? " (SIG" + std::string{known} + ")" : "");
    }
    case ending::wall_timeout:
      return "ran past its wall time";
    case ending::cpu_timeout:
      return "used up its CPU time";
    case ending::out_of_memory:
      return "ran out of memory";
    case ending::output_limit:
      return "wrote more output than allowed";
    case ending::syscall_denied:
      return "killed for the forbidden system call " + (o.syscall.empty() ? "it made" : o.syscall);
    case ending::canceled:
      return "canceled";
  }
  return "unknown";
}

}  // namespace lazaret::sandbox
