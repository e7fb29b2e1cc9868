// what: looks behind the overlay through which it sees the host's trees: its lower layers, its private attributes
//   (Documentation/filesystems/overlayfs.rst)
// expect: exited 0
// stdout: contained
#include <sys/ioctl.h>
#include <sys/xattr.h>

#include "attempt.h"

int main(void) {
  char value[256];
  static const char* const attributes[] = {"trusted.overlay.origin", "trusted.overlay.redirect", "user.overlay.origin",
                                           "security.capability"};
  for (unsigned n = 0; n < sizeof attributes / sizeof *attributes; ++n) {
    attempt(getxattr("/usr", attributes[n], value, sizeof value) >= 0, attributes[n]);
    attempt(setxattr("/usr/bin/true", attributes[n], "x", 1, 0) == 0, attributes[n]);
  }
  static const char* const places[] = {"/usr/../lower-0",      "/lower-0", "/empty", "/root", "/run/lazaret-jailer",
                                       "/usr/../../etc/shadow"};
  for (unsigned n = 0; n < sizeof places / sizeof *places; ++n) attempt(open(places[n], O_PATH) >= 0, places[n]);
  attempt(open("/usr/lib", O_TMPFILE | O_RDWR, 0600) >= 0, "a nameless file in /usr");
  attempt(mkdir("/usr/x", 0755) == 0, "a directory in /usr");
  int kept = open("/usr/bin/true", O_RDONLY);
  attempt(ioctl(kept, 0x40086602 /* FS_IOC_SETFLAGS */, value) == 0, "file attributes");
  attempt(ioctl(kept, 0xc0185879 /* FITRIM-like */, value) == 0, "an ioctl of the lower file system");
  attempt(ioctl(open("/usr", O_RDONLY), 0xc0045877 /* FIFREEZE */, 0) == 0, "freeze the host's file system");
  return contained();
}
