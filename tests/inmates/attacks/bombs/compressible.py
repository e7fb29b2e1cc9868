# what: builds an integer and a string whose size a short text describes
# expect: out_of_memory | exited 1 | cpu_timeout
# with: memory=64M, cpu=3s, wall=10s
print(len(bytes(9**9**3 % 2**30)) + len("x" * (1 << 33)))
