// what: makes a large directory and walks it busily, names and attributes, in four processes
// expect: cpu_timeout
// with: tmp=32M, cpu=1s, wall=10s, memory=96M
#include <dirent.h>
#include "bomb.h"

int main(void) {
  if (chdir("/tmp") != 0) return 2;
  for (int n = 0; n < 4000; ++n) {
    char name[32];
    sprintf(name, "%d", n);
    close(open(name, O_CREAT | O_WRONLY, 0600));
  }
  fork(), fork();
  for (;;) {
    DIR* all = opendir(".");
    struct stat status;
    for (struct dirent* one; all && (one = readdir(all)) != 0;) stat(one->d_name, &status);
    if (all) closedir(all);
  }
}
