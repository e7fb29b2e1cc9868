// what: changes what all of the host sees: quotas, accounting, logs, terminals (quotactl(2),
//   acct(2), syslog(2))
// expect: exited 0
// stdout: contained
// with: volume
#include <sys/klog.h>
#include <sys/quota.h>

#include "attempt.h"

int main(void) {
  char text[64];
  attempt(syscall(SYS_quotactl, 0x800002 << 8, "/dev/vda", 0, text) == 0, "quotactl");
  attempt(acct("/volume/x") == 0, "acct");
  attempt(klogctl(3, text, sizeof text) >= 0, "read the kernel's log");
  attempt(klogctl(10, NULL, 0) >= 0, "size of the kernel's log");
  attempt(klogctl(8, NULL, 1) >= 0, "silence the console");
  attempt(vhangup() == 0, "vhangup");
  return contained();
}
