# what: executes with arguments and an environment as large as the kernel takes, and larger (execve(2), E2BIG)
# expect: exited 0
# stdout: refused
# with: memory=128M, wall=15s
import os

held = os.fork()
if held == 0:
    os.execve("/bin/true", ["true"] + ["x" * 100_000] * 15, {})
_, how = os.waitpid(held, 0)
print("large arguments:", how)
for argv, environment in ((["true", "x" * (1 << 20)], {}), (["true"] + ["x" * 131_000] * 200, {}), (["true"], {"A": "x" * (4 << 20)})):
    try:
        os.execve("/bin/true", argv, environment)
    except OSError as e:
        print("refused", e)
