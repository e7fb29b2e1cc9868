// what: runs programs with no arguments at all, whose environment they then take for one (CVE-2021-4034)
// expect: exited 0
// stdout: contained
#include <sys/prctl.h>

#include "attempt.h"

int main(void) {
  static const char* const programs[] = {"/usr/bin/pkexec", "/usr/bin/su", "/usr/bin/mount", "/usr/bin/passwd"};
  for (unsigned n = 0; n < sizeof programs / sizeof *programs; ++n) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
      char* const nothing[] = {NULL};
      char* const environment[] = {(char*)"lol", (char*)"PATH=GCONV_PATH=.", (char*)"CHARSET=x", NULL};
      int quiet = open("/dev/null", O_RDWR);
      dup2(quiet, 0), dup2(quiet, 1), dup2(quiet, 2);
      execve(programs[n], nothing, environment);
      _exit(1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    attempt(WIFEXITED(status) && WEXITSTATUS(status) == 0 && geteuid() == 0, programs[n]);
  }
  attempt(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1, "setuid still counts");
  return contained();
}
