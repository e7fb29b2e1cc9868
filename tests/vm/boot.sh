#!/usr/bin/env bash
# Boots the image and says how the suites that ran in it ended. Exits 0 when each passed, and tells what the console showed otherwise.
#   tests/vm/boot.sh KERNEL_DIR BUILD_DIR IMAGE root|user|nobody [SUITE,...] [CATCH_TEST_SPEC]
set -euo pipefail
kernel=$1 build=$2 image=$3 who=$4 suites=${5:-kernel_tests,sandbox_tests} only=${6:-}
console=$(mktemp)
trap 'rm -f "$console"' EXIT

# TCG: no /dev/kvm is assumed. Not microvm, though it boots 0.3 s sooner: without an HPET or a PM timer one boot in four hung on a busy
# machine, after `tsc: Unable to calibrate`. With a terminal for its stdin qemu would take that over.
timeout "${VM_PATIENCE:-380}" qemu-system-x86_64 -M q35 -accel tcg -cpu max -m 3G -smp 1 -nodefaults -no-user-config \
  -display none -serial stdio -no-reboot -kernel "$kernel"/boot/vmlinuz-* -initrd "$image" \
  -append "console=ttyS0 panic=-1 quiet vm.who=$who vm.build=$build vm.suites=$suites ${only:+vm.only=$only}" \
  < /dev/null | tr -d '\r' | tee "$console" || echo "boot.sh: qemu did not end by itself"

for suite in ${suites//,/ }; do
  grep -q "^vm: $suite $who 0\$" "$console" || { echo "boot.sh: $suite did not pass as $who" >&2; exit 1; }
done
