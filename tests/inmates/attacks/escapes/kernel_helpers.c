// what: opens the settings that name a program which the kernel itself runs: modprobe, hotplug, poweroff,
//   uevent_helper (kernel/umh.c)
// expect: exited 0
// stdout: contained
// with: proc
#include "attempt.h"

int main(void) {
  static const char* const files[] = {"/proc/sys/kernel/modprobe",
                                      "/proc/sys/kernel/hotplug",
                                      "/proc/sys/kernel/poweroff_cmd",
                                      "/sys/kernel/uevent_helper",
                                      "/proc/sys/kernel/usermodehelper/bset",
                                      "/proc/sys/fs/binfmt_misc/register"};
  for (unsigned n = 0; n < sizeof files / sizeof *files; ++n)
    attempt(open(files[n], O_WRONLY | O_CLOEXEC) >= 0, files[n]);
  return contained();
}
