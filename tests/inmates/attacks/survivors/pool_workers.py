# what: workers of a pool with pipes to their parent, which is killed before it can end them
# expect: signalled 9
# with: memory=128M
import os
import signal
import subprocess

workers = [subprocess.Popen(["/bin/sh", "-c", "trap '' PIPE; while :; do sleep 1; done"], stdin=subprocess.PIPE) for _ in range(4)]
os.kill(os.getpid(), signal.SIGKILL)
