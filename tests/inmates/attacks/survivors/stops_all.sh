# what: stops everybody, itself included, so that nobody is left to go on
# expect: wall_timeout
# with: wall=1s
sleep 100 &
sleep 100 &
kill -STOP -1
kill -STOP $$
echo went on
