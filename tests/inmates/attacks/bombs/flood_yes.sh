# what: eight writers flood stderr together
# expect: output_limit
# with: output=64k, wall=10s, cpu=8s, pids=20, memory=64M
for i in 1 2 3 4 5 6 7 8; do yes "$i" >&2 & done
wait
