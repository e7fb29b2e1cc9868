#!/usr/bin/busybox sh
# The guest's init: a host with pure cgroup v2 and nothing else, on which the test suite runs once. What it says on the console that
# starts with `vm:` is for boot.sh. The kernel's command line names who runs it:
#   vm.who=root    the jailer is root
#   vm.who=user    the jailer is uid 1000, in a cgroup that was delegated to it as systemd's Delegate=yes does
#   vm.who=nobody  the jailer is uid 1000 and may make no cgroup
busybox=/usr/bin/busybox
export PATH=/usr/sbin:/usr/bin HOME=/root LANG=C.UTF-8
export LAZARET_TEST_SLOWNESS=6  # an emulated processor

if [ "$1" != again ]; then
  # The kernel's first root can't be left by pivot_root(2), which the jails do. A bind mount of it, moved over it, can.
  $busybox mount --bind / /mnt
  cd /mnt
  $busybox mount --move . /
  exec $busybox chroot . $busybox sh /init again
fi

$busybox mount -t devtmpfs dev /dev
exec </dev/console >/dev/console 2>&1
$busybox mount -t proc proc /proc
$busybox mount -t sysfs sys /sys
$busybox mount -t tmpfs -o mode=1777 tmp /tmp
$busybox mount -t tmpfs -o mode=755 run /run
$busybox ln -s /proc/self/fd /dev/fd
$busybox mkdir -p /dev/shm /dev/pts
$busybox mount -t tmpfs -o mode=1777 shm /dev/shm
$busybox mount -t devpts pts /dev/pts
$busybox mount -t cgroup2 -o nsdelegate cgroup2 /sys/fs/cgroup
$busybox ip link set lo up
for module in /modules/*; do $busybox insmod "$module" || echo "vm: no module $module"; done
for word in $($busybox cat /proc/cmdline); do
  case $word in vm.who=*) who=${word#vm.who=};; vm.build=*) build=${word#vm.build=};; vm.suites=*) suites=$(echo "${word#vm.suites=}" | $busybox tr , " ");; vm.only=*) only=$(echo "${word#vm.only=}" | $busybox tr _ " ");; esac
done

# The build may lie in somebody's private home, and here it is everybody's.
path=$build
while [ -n "$path" ]; do $busybox chmod a+rx "$path"; path=${path%/*}; done

as=
group=/sys/fs/cgroup/system.slice/lazaret.service
case $who in
user)
  # With a name and uids to give away, as adduser leaves a user; `nobody` has only its own.
  echo ward:100000:65536 > /etc/subuid
  echo ward:100000:65536 > /etc/subgid
  # systemd: the unit's directory and these of its files belong to the user, its processes start in it (systemd.resource-control(5)).
  $busybox mkdir -p $group
  echo "+memory +pids +cpu" > /sys/fs/cgroup/cgroup.subtree_control
  echo "+memory +pids +cpu" > /sys/fs/cgroup/system.slice/cgroup.subtree_control
  $busybox chown 1000:1000 $group $group/cgroup.procs $group/cgroup.subtree_control $group/cgroup.threads
  ;;
nobody) $busybox mkdir -p $group ;;
esac
case $who in user | nobody)
  echo $$ > $group/cgroup.procs
  as="/usr/bin/setpriv --reuid 1000 --regid 1000 --clear-groups"
  ;;
esac

echo "vm: $who on Linux $($busybox uname -r), $($busybox cut -d ' ' -f 1 /proc/uptime) s after power-on"
cd /tmp
# [long]: many repetitions, or times that an emulated processor can't keep; they run on the machine itself. The filter and the
# observer are the same for everybody who is not root.
for suite in $suites; do
  spec="~[long]"
  case $suite,$who in kernel_tests,root) ;; kernel_tests,*) spec="[#kernel_cgroup_test]$spec";; esac
  $as $build/bin/$suite "${only:-$spec}" --filenames-as-tags -d yes --use-colour no
  echo "vm: $suite $who $?"
done
echo "vm: end, $($busybox cut -d ' ' -f 1 /proc/uptime) s after power-on"
$busybox reboot -f
