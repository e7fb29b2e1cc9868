// what: processes that wait where only a kill wakes them: opening a FIFO, a lock held by another, a full pipe, a read
// expect: exited 0
// with: tmp=4M
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void) {
  mkfifo("/tmp/fifo", 0600);
  int lock = open("/tmp/lock", O_CREAT | O_RDWR, 0600), ends[2];
  flock(lock, LOCK_EX);
  if (pipe(ends) != 0) return 2;
  static char block[1 << 20];
  for (int how = 0; how < 4; ++how) {
    if (fork() != 0) continue;
    for (int s = 1; s < 65; ++s) signal(s, SIG_IGN);
    if (how == 0) open("/tmp/fifo", O_RDONLY);
    if (how == 1) flock(open("/tmp/lock", O_RDWR), LOCK_EX);
    if (how == 2) (void)!write(ends[1], block, sizeof block);
    if (how == 3) (void)!read(ends[0], block, 0), pause();
    for (;;) pause();
  }
  usleep(30000);
  return 0;
}
