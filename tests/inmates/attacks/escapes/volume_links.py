# what: leaves links, devices and swapped names in its volume for who reads the results (symlink(7), CVE-2018-15664)
# expect: exited 0
# stdout: contained
# with: volume, proc
import os
import threading

host = os.environ["BAIT_HOST_FILE"]
os.symlink("/etc/shadow", "/volume/result")
os.symlink("/", "/volume/root")
os.symlink(host, "/volume/bait")
os.symlink("/proc/self/root/etc/shadow", "/volume/magic")
os.mkfifo("/volume/pipe")
os.makedirs("/volume/a/b")
done = threading.Event()

def swap():
    while not done.is_set():
        os.rename("/volume/a", "/volume/c")
        os.symlink("/etc", "/volume/a")
        os.unlink("/volume/a")
        os.rename("/volume/c", "/volume/a")

swapper = threading.Thread(target=swap)
swapper.start()
for _ in range(300):
    for path in ("/volume/result", "/volume/root/etc/shadow", "/volume/bait", "/volume/a/shadow"):
        try:
            open(path).read()
            print("ESCAPED: read", path)
            os._exit(1)
        except OSError:
            pass
done.set()
swapper.join()
print("contained")
