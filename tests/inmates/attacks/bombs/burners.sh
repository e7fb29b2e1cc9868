# what: burns all processors in many processes, started one from another so that none is anybody's child for long
# expect: cpu_timeout
# with: cpu=1s, wall=10s, pids=40, memory=64M
i=0
while [ $i -lt 20 ]; do
  (while :; do :; done &)
  i=$((i + 1))
done
sleep 60
