// what: loads a BPF program and makes a map (bpf(2), CVE-2021-3490)
// expect: exited 0
// stdout: contained
#include <linux/bpf.h>

#include "attempt.h"

int main(void) {
  union bpf_attr map = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1};
  attempt(syscall(SYS_bpf, BPF_MAP_CREATE, &map, sizeof map) >= 0, "BPF_MAP_CREATE");
  struct bpf_insn code[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K}, {.code = BPF_JMP | BPF_EXIT}};
  union bpf_attr program = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insn_cnt = 2};
  program.insns = (unsigned long)code, program.license = (unsigned long)"GPL";
  attempt(syscall(SYS_bpf, BPF_PROG_LOAD, &program, sizeof program) >= 0, "BPF_PROG_LOAD");
  return contained();
}
