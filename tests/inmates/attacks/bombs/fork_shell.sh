# what: the classic fork bomb of a shell, each copy a pipeline of two
# expect: exited 0 | exited 2 | wall_timeout | cpu_timeout
# with: pids=30, memory=64M, wall=2s, cpu=1s
bomb() { bomb | bomb & }
bomb 2>/dev/null
wait
