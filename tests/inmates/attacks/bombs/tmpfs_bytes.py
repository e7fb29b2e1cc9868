# what: fills /tmp to the last byte, in many files and then by appending
# expect: exited 0
# stdout: refused
# with: tmp=8M, memory=128M, wall=10s
import errno

block = b"x" * 65536
written = 0
for name in range(1000):
    try:
        with open(f"/tmp/{name}", "wb", buffering=0) as file:
            for _ in range(16):
                written += file.write(block)
    except OSError as e:
        print("refused" if e.errno == errno.ENOSPC and written <= 8 << 20 else f"UNLIMITED {e} {written}")
        break
else:
    print("UNLIMITED", written)
