// What every bomb says. It stops by itself at an amount that no jail should grant, so that a limit that is not there is
// seen instead of felt.
#ifndef BOMB_H
#define BOMB_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

// The n-th was refused: the limit holds.
static inline void refused(const char* what, long n) {
  printf("refused: %s number %ld: %s\n", what, n, strerror(errno));
  fflush(stdout);
}

static inline void unlimited(const char* what, long n) {
  printf("UNLIMITED: %ld %s\n", n, what);
  fflush(stdout);
  _exit(1);
}
#endif
