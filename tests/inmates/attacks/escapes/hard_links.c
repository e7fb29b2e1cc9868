// what: links read-only files to where it may write (link(2), linkat(2))
// expect: exited 0
// stdout: contained
// with: proc, volume
#include "attempt.h"

int main(void) {
  const char* bait = getenv("BAIT_FILE");
  attempt(link(bait, "/volume/linked") == 0, "link");
  attempt(link("/usr/bin/su", "/volume/su") == 0, "link a setuid program");
  int kept = open(bait, O_RDONLY);
  char name[64];
  snprintf(name, sizeof name, "/proc/self/fd/%d", kept);
  attempt(linkat(AT_FDCWD, name, AT_FDCWD, "/volume/linked", AT_SYMLINK_FOLLOW) == 0, "linkat through /proc");
  attempt(linkat(kept, "", AT_FDCWD, "/volume/linked", AT_EMPTY_PATH) == 0, "linkat of a descriptor");
  attempt(rename(bait, "/volume/moved") == 0, "rename");
  attempt(renameat2(AT_FDCWD, bait, AT_FDCWD, "/volume", 2 /* RENAME_EXCHANGE */) == 0, "exchange");
  int nameless = open("/volume", O_TMPFILE | O_RDWR, 0600);
  snprintf(name, sizeof name, "/proc/self/fd/%d", nameless);
  attempt(linkat(AT_FDCWD, name, AT_FDCWD, "/usr/lib/x", AT_SYMLINK_FOLLOW) == 0, "a nameless file into /usr");
  attempt(linkat(AT_FDCWD, name, AT_FDCWD, "/x", AT_SYMLINK_FOLLOW) == 0, "a nameless file into /");
  return contained();
}
