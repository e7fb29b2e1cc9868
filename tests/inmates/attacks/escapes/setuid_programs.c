// what: runs the system's setuid and setgid programs, and makes one of its own (execve(2))
// expect: exited 0
// stdout: contained
// with: proc, volume
#include "attempt.h"

static int gains(const char* program) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    char* const arguments[] = {(char*)program, (char*)"-c", (char*)"exec id -u", NULL};
    int quiet = open("/dev/null", O_RDWR);
    dup2(quiet, 0), dup2(quiet, 1), dup2(quiet, 2);
    execv(program, arguments);
    _exit(127);
  }
  // Privileges would show in its effective uid as long as it lives; those that need none exit as they like.
  char path[64], line[256];
  snprintf(path, sizeof path, "/proc/%d/status", child);
  int root = 0;
  for (int n = 0; n < 100; ++n) {
    FILE* status = fopen(path, "r");
    unsigned real = 1, effective = 1;
    while (status && fgets(line, sizeof line, status))
      if (sscanf(line, "Uid: %u %u", &real, &effective) == 2 && effective == 0) root = 1;
    if (status) fclose(status);
  }
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  return root;
}

int main(void) {
  static const char* const programs[] = {"/usr/bin/su",      "/usr/bin/mount",       "/usr/bin/passwd",
                                         "/usr/bin/newgrp",  "/usr/bin/umount",      "/usr/bin/chsh",
                                         "/usr/bin/gpasswd", "/usr/bin/sudo",        "/usr/bin/pkexec",
                                         "/usr/bin/expiry",  "/usr/bin/fusermount3", "/usr/sbin/unix_chkpwd"};
  for (unsigned n = 0; n < sizeof programs / sizeof *programs; ++n) attempt(gains(programs[n]), programs[n]);
  int own = open("/volume/own", O_WRONLY | O_CREAT, 0755);
  write(own, "#!/bin/sh\n", 10), close(own);
  attempt(chown("/volume/own", 0, 0) == 0, "chown to root");
  chmod("/volume/own", 06755);
  attempt(gains("/volume/own"), "a setuid script of its own");
  return contained();
}
