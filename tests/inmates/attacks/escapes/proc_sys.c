// what: opens kernel settings that weaken the host (sysctl(8))
// expect: exited 0
// stdout: contained
// with: proc
#include "attempt.h"

int main(void) {
  static const char* const files[] = {"/proc/sys/kernel/randomize_va_space", "/proc/sys/kernel/kptr_restrict",
                                      "/proc/sys/kernel/yama/ptrace_scope",  "/proc/sys/kernel/ns_last_pid",
                                      "/proc/sys/vm/panic_on_oom",           "/proc/sys/kernel/panic",
                                      "/proc/sys/fs/protected_symlinks",     "/proc/sys/fs/suid_dumpable",
                                      "/proc/sys/net/ipv4/ip_forward",       "/proc/sys/user/max_user_namespaces"};
  for (unsigned n = 0; n < sizeof files / sizeof *files; ++n)
    attempt(open(files[n], O_WRONLY | O_CLOEXEC) >= 0, files[n]);
  return contained();
}
