# what: daemons that replace themselves again and again, each time another program under the same pid
# expect: exited 0
# with: pids=40
for i in 1 2 3 4; do
  setsid sh -c 'while :; do exec sh -c "exec sh -c \"sleep 0.01; exec $0\""; done' &
  (setsid sh -c 'f() { exec sh -c "/bin/true; exec sh /attack.sh again"; }; [ "$1" = again ] || sleep 100' &)
done
[ "$1" = again ] && exec sh /attack.sh again
exit 0
