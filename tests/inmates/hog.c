/* Touches memory until it is stopped. With "child", a child does, and the parent outlives it and exits 0. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void eat(void) {
  for (;;) {
    char* block = malloc(1 << 20);
    if (block == 0) _exit(3);
    memset(block, 1, 1 << 20);
  }
}

int main(int argc, char** argv) {
  (void)argv;
  if (argc == 1) eat();
  pid_t child = fork();
  if (child == 0) eat();
  waitpid(child, 0, 0);
  return 0;
}
