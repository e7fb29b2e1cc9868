// what: opens the kernel's memory and the machine's ports as files (mem(4))
// expect: exited 0
// stdout: contained
// with: proc
#include "attempt.h"

int main(void) {
  static const char* const files[] = {
      "/proc/kcore",      "/dev/mem",          "/dev/kmem",          "/dev/port",           "/proc/kallsyms",
      "/dev/kvm",         "/dev/fuse",         "/dev/net/tun",       "/dev/vhost-net",      "/dev/cpu/0/msr",
      "/dev/userfaultfd", "/dev/loop-control", "/dev/btrfs-control", "/dev/mapper/control", "/dev/uinput"};
  for (unsigned n = 0; n < sizeof files / sizeof *files; ++n)
    attempt(open(files[n], O_WRONLY | O_CLOEXEC) >= 0, files[n]);
  return contained();
}
