// what: watches, and holds up, what others do with files (fanotify_init(2))
// expect: exited 0
// stdout: contained
#include <sys/fanotify.h>

#include "attempt.h"

int main(void) {
  attempt(fanotify_init(FAN_CLASS_NOTIF, O_RDONLY) >= 0, "notification");
  attempt(fanotify_init(FAN_CLASS_CONTENT, O_RDONLY) >= 0, "permission");
  attempt(fanotify_init(FAN_REPORT_FID, 0) >= 0, "unprivileged, by file id");
  attempt(fanotify_mark(0, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "/usr") == 0, "mark");
  return contained();
}
