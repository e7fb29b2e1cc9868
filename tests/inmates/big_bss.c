/* Has 256 MiB of zeroes in its image and touches all. */
static char zeroes[256 << 20];

int main(void) {
  for (unsigned long at = 0; at < sizeof zeroes; at += 4096) zeroes[at] = 1;
  return zeroes[sizeof zeroes / 2] == 0;
}
