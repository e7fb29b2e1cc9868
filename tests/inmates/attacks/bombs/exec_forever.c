// what: replaces itself without end, with arguments that grow
// expect: cpu_timeout | wall_timeout
// with: cpu=1s, wall=3s, memory=48M
#include "bomb.h"

int main(int argc, char** argv) {
  char* more[600];
  int count = argc < 500 ? argc : 500;
  for (int i = 0; i < count; ++i) more[i] = argv[i];
  more[count] = "and another word that makes it longer", more[count + 1] = 0;
  for (;;) execv(argv[0], more);
}
