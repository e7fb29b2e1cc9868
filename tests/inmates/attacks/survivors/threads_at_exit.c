// what: ends while a hundred threads are starting threads
// expect: exited 7
// with: pids=120, memory=128M
#include <pthread.h>
#include <unistd.h>

static void* breed(void* unused) {
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 16384);
  pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
  pthread_t one;
  for (int i = 0; i < 3; ++i) pthread_create(&one, &small, breed, 0);
  return unused;
}

int main(void) {
  breed(0);
  usleep(30000);
  _exit(7);
}
