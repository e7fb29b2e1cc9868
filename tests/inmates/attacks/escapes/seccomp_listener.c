// what: becomes the supervisor of a filter of its own, to answer in the observer's stead (seccomp_unotify(2))
// expect: exited 0
// stdout: contained
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "attempt.h"

int main(void) {
  struct sock_filter code[] = {{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_USER_NOTIF}};
  struct sock_filter all[] = {{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
  struct sock_fprog notify = {1, code}, allow = {1, all};
  attempt(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &notify) >= 0, "a listener");
  attempt(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                  SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC_ESRCH | SECCOMP_FILTER_FLAG_TSYNC,
                  &notify) >= 0,
          "a listener of all threads");
  // A filter that allows all is granted and changes nothing: the strictest answer counts.
  syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &allow);
  attempt(syscall(SYS_unshare, 0x10000000) == 0, "what the first filter refuses");
  attempt(syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL) == 0, "a mount");
  return contained();
}
