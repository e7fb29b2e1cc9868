// what: watches thousands of epolls with epolls, in circles and chains, whose wakeups cost a walk (CVE-2011-1083)
// expect: exited 0
// stdout: refused
// with: memory=64M, wall=10s, cpu=8s
#include <sys/epoll.h>
#include "bomb.h"

int main(void) {
  int all[800], made = 0;
  while (made < 800 && (all[made] = epoll_create1(0)) >= 0) ++made;
  struct epoll_event in = {.events = EPOLLIN};
  long links = 0, no = 0;
  for (int a = 0; a < made; ++a)
    for (int b = a + 1; b < made && b < a + 20; ++b)
      if (epoll_ctl(all[a], EPOLL_CTL_ADD, all[b], &in) == 0)
        ++links;
      else
        ++no;
  if (epoll_ctl(all[made - 1], EPOLL_CTL_ADD, all[0], &in) == 0) unlimited("links in a circle", links);
  if (no == 0) unlimited("links", links);
  refused("link", links);
  return 0;
}
