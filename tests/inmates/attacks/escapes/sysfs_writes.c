// what: opens sysfs, debugfs, tracefs, efivarfs and cgroupfs for writing (sysfs(5))
// expect: exited 0
// stdout: contained
// with: proc
#include "attempt.h"

int main(void) {
  static const char* const files[] = {"/sys/power/state",
                                      "/sys/kernel/mm/ksm/run",
                                      "/sys/kernel/debug/tracing/current_tracer",
                                      "/sys/kernel/tracing/trace_marker",
                                      "/sys/firmware/efi/vars/del_var",
                                      "/sys/fs/cgroup/cgroup.procs",
                                      "/sys/fs/cgroup/devices/devices.allow",
                                      "/sys/module/kernel/parameters/panic"};
  for (unsigned n = 0; n < sizeof files / sizeof *files; ++n)
    attempt(open(files[n], O_WRONLY | O_CLOEXEC) >= 0, files[n]);
  return contained();
}
