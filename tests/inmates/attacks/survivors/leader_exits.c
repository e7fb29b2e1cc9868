// what: its first thread ends while others live on: a zombie leader, which no wait reports (pthread_exit(3))
// expect: wall_timeout
// with: wall=1s
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

static void* live(void* unused) {
  for (;;) pause();
  return unused;
}

int main(void) {
  pthread_t one;
  for (int i = 0; i < 4; ++i) pthread_create(&one, 0, live, 0);
  syscall(SYS_exit, 0);
}
