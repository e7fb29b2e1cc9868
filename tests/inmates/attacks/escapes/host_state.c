// what: changes what all of the host sees: quotas, swap, accounting, logs, terminals (quotactl(2), swapon(2),
//   acct(2), syslog(2))
// expect: exited 0
// stdout: contained
// with: volume
#include <sys/klog.h>
#include <sys/quota.h>
#include <sys/swap.h>

#include "attempt.h"

static long swap_on(void) { return swapon("/volume/swap", 0); }
static long swap_off(void) { return swapoff("/dev/zram0"); }

int main(void) {
  char text[64];
  close(open("/volume/swap", O_WRONLY | O_CREAT, 0600));
  attempt(syscall(SYS_quotactl, 0x800002 << 8, "/dev/vda", 0, text) == 0, "quotactl");
  attempt(survives(swap_on), "swapon");
  attempt(survives(swap_off), "swapoff");
  attempt(acct("/volume/swap") == 0, "acct");
  attempt(klogctl(3, text, sizeof text) >= 0, "read the kernel's log");
  attempt(klogctl(10, NULL, 0) >= 0, "size of the kernel's log");
  attempt(klogctl(8, NULL, 1) >= 0, "silence the console");
  attempt(vhangup() == 0, "vhangup");
  return contained();
}
