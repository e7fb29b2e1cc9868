/* Burns CPU in four threads for ever. */
#include <pthread.h>

static void* burn(void* unused) {
  (void)unused;
  for (volatile unsigned long n = 0;; ++n) {
  }
}

int main(void) {
  pthread_t other;
  for (int i = 0; i < 3; ++i) pthread_create(&other, 0, burn, 0);
  burn(0);
}
