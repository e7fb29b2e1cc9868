#include "audit_channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* LAZARET_AUDIT_SOCKET is compiled in, not read from the environment: the package could set that. */
#ifndef LAZARET_AUDIT_SOCKET
#define LAZARET_AUDIT_SOCKET "/run/lazaret/audit.sock"
#endif

static int channel_fd = -1;
static uint64_t channel_cookie; /* socket(7) SO_COOKIE: unique for as long as the machine is up */
static time_t retry_after;      /* monotonic seconds; no attempt to connect before */

/* The program may have closed our descriptor and been given its number for a file of its own. The cookie tells: files
 * answer ENOTSOCK, every other socket has another cookie. One system call per event, about 0.1 us. */
static int channel_is_ours(void) {
  uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  return channel_fd >= 0 && getsockopt(channel_fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 &&
         cookie == channel_cookie;
}

static time_t monotonic_seconds(void) {
  struct timespec now = {0, 0};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return now.tv_sec;
}

static int channel_open(void) {
  static const struct sockaddr_un address = {AF_UNIX, LAZARET_AUDIT_SOCKET};
  if (retry_after != 0 && monotonic_seconds() < retry_after) return 0;
  retry_after = monotonic_seconds() + 1;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return 0;
  /* Out of the way of programs that count on small numbers; where RLIMIT_NOFILE forbids it the small one must do. */
  int high = fcntl(fd, F_DUPFD_CLOEXEC, 500);
  if (high >= 0) {
    close(fd);
    fd = high;
  }
  socklen_t size = sizeof channel_cookie;
  if (connect(fd, (const struct sockaddr*)&address, sizeof address) != 0 ||
      getsockopt(fd, SOL_SOCKET, SO_COOKIE, &channel_cookie, &size) != 0) {
    close(fd);
    return 0;
  }
  channel_fd = fd;
  retry_after = 0;
  return 1;
}

void lazaret_channel_send(const char* message, size_t length) {
  int saved = errno;
  /* Not ours any more: forget the number without closing it, it is the program's now. */
  if (!channel_is_ours()) channel_fd = -1;
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (channel_fd < 0 && !channel_open()) break;
    ssize_t sent;
    /* send, not sendto: a sendto with an address would be a notification of its own to the observer outside. */
    do {
      sent = send(channel_fd, message, length, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0 || errno == EMSGSIZE || errno == ENOBUFS) break;
    if (errno == EAGAIN) { /* the program made the shared description non-blocking */
      fcntl(channel_fd, F_SETFL, 0);
      continue;
    }
    close(channel_fd); /* ours, as just checked; the reader is gone or a shutdown(2) was done to it */
    channel_fd = -1;
  }
  errno = saved;
}
