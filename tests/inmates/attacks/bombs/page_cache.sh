# what: reads through files of the host that are larger than its memory: what is cached is the jail's, and can go
# expect: exited 0 | cpu_timeout
# with: memory=24M, cpu=4s, wall=15s
find /usr/lib/python3* /usr/bin -type f -size +100k 2>/dev/null | head -300 | while read -r file; do cat "$file"; done >/dev/null
