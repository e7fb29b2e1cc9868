// what: fills System V message queues and semaphore sets, and leaves them behind (msgget(2), semget(2))
// expect: exited 0 | out_of_memory
// with: memory=48M, wall=15s
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include "bomb.h"

int main(void) {
  struct {
    long type;
    char text[8000];
  } message = {1, {0}};
  for (long n = 1; n <= 30000; ++n) {
    int queue = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    int set = semget(IPC_PRIVATE, 200, IPC_CREAT | 0600);
    if (queue < 0 || set < 0) {
      refused("queue or set", n);
      return 0;
    }
    for (int sent = 0; sent < 2; ++sent) msgsnd(queue, &message, sizeof message.text, IPC_NOWAIT);
  }
  unlimited("queues", 30000);
}
