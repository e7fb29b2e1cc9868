/* Writes to stdout for ever; with an argument, that many bytes to each stream. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char** argv) {
  static char block[4096];
  memset(block, 'x', sizeof block);
  if (argc < 2)
    for (;;)
      if (write(1, block, sizeof block) < 0) return 1;
  for (long left = atol(argv[1]); left > 0; left -= (long)sizeof block)
    if (write(1, block, sizeof block) < 0 || write(2, block, sizeof block) < 0) return 1;
  return 0;
}
