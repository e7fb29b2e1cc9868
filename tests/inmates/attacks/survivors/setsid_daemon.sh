# what: leaves the session, the process group and its parent (setsid(1)), and sleeps on
# expect: exited 0
# stdout: gone
setsid sh -c 'trap "" HUP TERM INT; sleep 3600' &
(setsid sleep 3600 &)
echo gone
