// what: uses the kernel's keyrings, which no namespace but user's divides, and whose upcall runs on the host
//   (keyctl(2), CVE-2016-0728)
// expect: exited 0
// stdout: contained
#include "attempt.h"

int main(void) {
  attempt(syscall(SYS_add_key, "user", "lazaret", "x", 1UL, -4) >= 0, "add_key to the user keyring");
  attempt(syscall(SYS_add_key, "user", "lazaret", "x", 1UL, -3) >= 0, "add_key to the session keyring");
  attempt(syscall(SYS_request_key, "user", "lazaret", "callout", -3) >= 0, "request_key");
  attempt(syscall(SYS_keyctl, 0, -3, 1) >= 0, "KEYCTL_GET_KEYRING_ID");
  attempt(syscall(SYS_keyctl, 1, "lazaret") >= 0, "KEYCTL_JOIN_SESSION_KEYRING");
  attempt(syscall(SYS_keyctl, 22, -3, 1) >= 0, "KEYCTL_GET_PERSISTENT");
  return contained();
}
