// what: leaves System V segments, queues and semaphores behind, and a process that is attached to them
// expect: exited 0
// stdout: left
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <unistd.h>

int main(void) {
  for (int key = 1; key < 20; ++key) {
    int segment = shmget(key, 65536, IPC_CREAT | 0666);
    int queue = msgget(key, IPC_CREAT | 0666), set = semget(key, 4, IPC_CREAT | 0666);
    if (segment < 0 || queue < 0 || set < 0) return 2;
    char* where = shmat(segment, 0, 0);
    where[0] = 1;
    struct sembuf undo = {0, 1, SEM_UNDO};
    semop(set, &undo, 1);
  }
  if (fork() == 0)
    for (;;) pause();
  puts("left");
  return 0;
}
