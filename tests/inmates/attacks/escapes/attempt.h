// What every escape says. An attempt that is refused prints why; one that works prints ESCAPED and ends the program.
#ifndef ATTEMPT_H
#define ATTEMPT_H
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static inline void escaped(const char* how) {
  printf("ESCAPED: %s\n", how);
  fflush(stdout);
  _exit(1);
}

// `worked`: whether the attempt got what it wanted. errno is what it was refused with.
static inline void attempt(int worked, const char* how) {
  if (worked) escaped(how);
  printf("refused: %s: %s\n", how, strerror(errno));
}

static inline int contained(void) {
  puts("contained");
  return 0;
}
#endif
