/* counts THREADS CHILDREN BYTES [stay]: starts so many; each writes so many bytes to /dev/null, and so does the program
 * itself. With "stay" nobody ends. */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static long size;
static int stay;

static void* write_all(void* unused) {
  (void)unused;
  static char block[1 << 16];
  int nowhere = open("/dev/null", O_WRONLY);
  for (long left = size; left > 0; left -= left < (long)sizeof block ? left : (long)sizeof block)
    if (write(nowhere, block, left < (long)sizeof block ? (size_t)left : sizeof block) < 0) _exit(3);
  close(nowhere);
  if (stay) write(1, "x", 1);
  if (stay)
    for (;;) pause();
  return 0;
}

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  int threads = atoi(argv[1]), children = atoi(argv[2]);
  size = atol(argv[3]);
  stay = argc > 4;
  pthread_t one[64];
  for (int i = 0; i < threads && i < 64; ++i)
    if (pthread_create(&one[i], 0, write_all, 0) != 0) return 4;
  for (int i = 0; i < children; ++i) {
    pid_t child = fork();
    if (child == 0) _exit((write_all(0), 0));
    if (child < 0) return 5;
  }
  write_all(0);
  for (int i = 0; i < threads && i < 64; ++i) pthread_join(one[i], 0);
  while (wait(0) > 0) continue;
  return 0;
}
