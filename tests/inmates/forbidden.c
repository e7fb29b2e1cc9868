/* Asks for what only an attack asks for: to load a kernel module. By itself, or as its argument says by a "child" or a
 * "thread" that it outlives, or through the call tables "i386" and "x32". */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void* ask(void* unused) {
  (void)unused;
  syscall(SYS_init_module, 0, 0, "");
  return 0;
}

int main(int argc, char** argv) {
  const char* how = argc > 1 ? argv[1] : "";
  pthread_t thread;
  if (strcmp(how, "child") == 0) {
    pid_t child = fork();
    if (child == 0) _exit((ask(0), 0));
    waitpid(child, 0, 0);
  } else if (strcmp(how, "thread") == 0) {
    pthread_create(&thread, 0, ask, 0);
    pthread_join(thread, 0);
  } else if (strcmp(how, "i386") == 0) {
    long answer = 0;
    __asm__ volatile("int $0x80" : "=a"(answer) : "a"(21 /* mount */), "b"(0), "c"(0) : "memory");
  } else if (strcmp(how, "x32") == 0) {
    syscall(0x40000000 + SYS_mount, 0, 0, 0, 0, 0);
  } else {
    ask(0);
  }
  puts("went on");
  return 0;
}
