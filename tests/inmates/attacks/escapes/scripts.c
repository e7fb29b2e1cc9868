// what: runs scripts whose interpreter line is odd: too long, nested, from a tmpfs, by a loader (execve(2), ld.so(8))
// expect: exited 0
// stdout: contained
// with: proc, tmp=4M
#include <sys/mman.h>

#include "attempt.h"

static int runs(const char* program, char* const arguments[]) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    int quiet = open("/dev/null", O_RDWR);
    dup2(quiet, 1), dup2(quiet, 2);
    execv(program, arguments);
    _exit(126);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 42;
}

static void put(const char* path, const char* text) {
  int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
  write(file, text, strlen(text)), close(file);
}

int main(void) {
  char* const none[] = {(char*)"x", NULL};
  put("/tmp/plain", "#!/bin/sh\nexit 42\n");
  attempt(runs("/tmp/plain", none), "a script on a tmpfs that runs nothing");
  put("/tmp/nested", "#!/tmp/plain\n");
  attempt(runs("/tmp/nested", none), "a script by a script");
  put("/tmp/parent", "#!../../../../bin/sh\nexit 42\n");
  attempt(runs("/tmp/parent", none), "a relative interpreter");
  // The loader maps what execve refuses; mmap must refuse it likewise.
  int own = open("/proc/self/exe", O_RDONLY), copy = open("/tmp/copy", O_WRONLY | O_CREAT, 0755);
  char block[65536];
  for (ssize_t n; (n = read(own, block, sizeof block)) > 0;) write(copy, block, (size_t)n);
  close(copy);
  attempt(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, open("/tmp/copy", O_RDONLY), 0) != MAP_FAILED,
          "map it executable");
  char* const load[] = {(char*)"/lib64/ld-linux-x86-64.so.2", (char*)"/tmp/copy", NULL};
  attempt(runs("/lib64/ld-linux-x86-64.so.2", load), "through the loader");
  attempt(runs("/tmp/copy", none), "a program on a tmpfs");
  return contained();
}
