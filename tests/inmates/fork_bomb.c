/* Forks until refused, in every child; then all wait to be killed, but for the first, which exits with the errno. */
#include <errno.h>
#include <unistd.h>

int main(void) {
  pid_t first = getpid();
  for (;;) {
    if (fork() >= 0) continue;
    if (getpid() == first) return errno;
    pause();
  }
}
