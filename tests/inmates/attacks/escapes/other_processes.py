# what: looks for processes that are not its own, by /proc, by pidfd and by wait (proc(5), hidepid)
# expect: exited 0
# stdout: contained
# with: proc
import os

own = {os.getpid()}
listed = {int(name) for name in os.listdir("/proc") if name.isdigit()}
if listed - own:
    raise SystemExit("ESCAPED: sees %s" % (listed - own))
for pid in range(2, 5000):
    if pid in own:
        continue
    for call in (lambda: os.pidfd_open(pid), lambda: os.getpgid(pid), lambda: os.getsid(pid),
                 lambda: os.sched_getaffinity(pid), lambda: os.stat("/proc/%d" % pid)):
        try:
            call()
            raise SystemExit("ESCAPED: process %d answers" % pid)
        except OSError:
            pass
threads = set(os.listdir("/proc/self/task"))
if threads != {str(os.getpid())}:
    raise SystemExit("ESCAPED: other threads")
for name in os.listdir("/proc"):
    if not name.isdigit() and name not in ("self", "thread-self"):
        raise SystemExit("ESCAPED: /proc/%s" % name)
print("contained")
