# what: loads a library into whatever runs next, by the environment and by /etc/ld.so.preload (ld.so(8))
# expect: exited 0
# stdout: contained
# with: proc, tmp=1M
import os
import subprocess

for path in ("/etc/ld.so.preload", "/etc/ld.so.cache", "/etc/profile", "/usr/lib/python3/dist-packages/x.pth",
             "/usr/local/lib/x.so", "/etc/passwd", "/root/.ssh/authorized_keys", "/etc/cron.d/x", "/run/x"):
    try:
        open(path, "w")
        raise SystemExit("ESCAPED: wrote " + path)
    except OSError as e:
        print(path, e.strerror)
environment = {"LD_PRELOAD": "/tmp/x.so", "LD_AUDIT": "/tmp/x.so", "LD_LIBRARY_PATH": "/tmp", "PATH": "/tmp:/usr/bin"}
print(subprocess.run(["/usr/bin/id", "-u"], env=environment, capture_output=True).stdout)
if os.path.exists("/proc/1/environ"):
    try:
        raise SystemExit("ESCAPED: init's environment %r" % open("/proc/1/environ").read())
    except OSError as e:
        print(e.strerror)
print("contained")
