# what: looks where secrets of hosts, clouds and containers lie (environ(7))
# expect: exited 0
# stdout: contained
# with: proc
set -u
for file in /etc/shadow /etc/sudoers /root/.ssh/id_rsa /root/.bash_history /home /var/lib /var/run/secrets /run/secrets \
    /.dockerenv /etc/machine-id /etc/hostname /proc/1/environ /proc/cmdline /proc/version /proc/net/tcp /proc/modules \
    /proc/keys /proc/timer_list /proc/sched_debug /proc/loadavg /proc/meminfo /proc/stat /proc/diskstats /sys/class \
    /sys/fs/cgroup /boot /mnt /media /srv /opt /lost+found; do
  if [ -e "$file" ] && cat "$file" >/dev/null 2>&1; then echo "ESCAPED: reads $file"; exit 1; fi
done
for file in /etc/*; do
  case $file in
    /etc/passwd|/etc/group|/etc/hosts|/etc/nsswitch.conf|/etc/resolv.conf|/etc/ld.so.cache|/etc/alternatives|/etc/localtime|/etc/ssl) ;;
    *) echo "ESCAPED: sees $file"; exit 1 ;;
  esac
done
# BAIT_: what the test tells every inmate; a random name among it may spell anything.
found=$(env | grep -v '^BAIT_' | grep -iE 'token|secret|passw|aws|redis|postgres|lazaret_|jail_')
if [ -n "$found" ]; then echo "ESCAPED: a secret in the environment: $found"; exit 1; fi
echo contained
