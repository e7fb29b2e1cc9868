#!/usr/bin/env bash
# Packs what the guest needs into one initramfs: this machine's own files at their own paths, so that tests and programs
# find there what they find here.
#   tests/vm/image.sh KERNEL_DIR BUILD_DIR IMAGE
set -euo pipefail
shopt -s nullglob
kernel=$1 build=$2 image=$3
here=$(realpath "$(dirname "$0")")
release=$(cd "$kernel/lib/modules" && echo *)

# What a test, an inmate or the jailer may start or load. Of a package all but what is only read by people.
packages=(bash coreutils dash findutils grep libc6 libc-bin mount procps python3-minimal python3.11-minimal
  libpython3.11-minimal libpython3.11-stdlib sed uidmap util-linux)
own=("$build"/bin/{sandbox_tests,kernel_tests,attack_tests,channel_tests,lazaret-jailer,lazaret-probe} "$build"/inmates "$here"/../inmates)
# The kernel has these as modules, and a jailed program's socket() or mount() must not fail only for want of one.
modules=(dummy nft_tproxy overlay vsock vsock_loopback af_alg algif_hash algif_skcipher)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

{
  printf '%s\n' /bin /lib /lib64 /sbin "$(command -v busybox)"
  dpkg -L "${packages[@]}"
  find /usr/lib/python3.11 -path '*/__pycache__/*' -not -path '*/test/*'
  find "${own[@]}"
} | sed -E 's#^/(bin|sbin|lib|lib64)/#/usr/\1/#' |
  grep -vE '^/usr/share/(doc|man|locale|info|lintian|bash-completion)|^/\.|^/(etc|var|proc|sys|dev|run)(/|$)' |
  sort -u | while read -r file; do if [[ -e "$file" || -L "$file" ]]; then echo "$file"; fi; done > "$work/files"  # some are diverted

# Libraries of all that, under every name by which they are asked for.
grep -E '^/usr/s?bin/|\.so(\.[0-9.]+)?$|'"^$build/bin/" "$work/files" | while read -r file; do
  if [[ -f "$file" && ! -L "$file" ]]; then echo "$file"; fi
done | { xargs ldd 2>/dev/null || true; } |  # which fails for what is static
  sed -nE 's#.*(=> |^\s)(/[^ ]+) \(.*#\2#p' | sort -u |
  while read -r library; do printf '%s\n' "$library" "$(realpath "$library")"; done |
  sed -E 's#^/(lib|lib64)/#/usr/\1/#' >> "$work/files"

# Every directory on the way, for cpio makes none.
awk -F/ '{ path = ""; for (i = 2; i <= NF; ++i) { path = path "/" $i; print path } }' "$work/files" |
  LC_ALL=C sort -u | sed 's#^/##' > "$work/list"
(cd / && cpio --quiet -o -H newc < "$work/list") > "$image.part"

# What only the guest has.
root=$work/root
mkdir -p "$root"/{dev,proc,sys,tmp,run,mnt,root,home,etc,var,usr/games,modules}
install -m 755 "$here/guest.sh" "$root/init"
echo root:x:0:0::/root:/bin/sh > "$root/etc/passwd"
echo ward:x:1000:1000::/home:/bin/sh >> "$root/etc/passwd"
printf 'root:x:0:\nward:x:1000:\n' > "$root/etc/group"
cp -a "$kernel/lib/modules/$release" "$work/" && mkdir -p "$work/tree/lib/modules" && mv "$work/$release" "$work/tree/lib/modules/"
depmod -b "$work/tree" "$release"
for module in "${modules[@]}"; do
  modprobe -d "$work/tree" -S "$release" --show-depends "$module" | awk '$1 == "insmod" { print $2 }'
done | awk '!seen[$0]++' | { n=100; while read -r file; do install -m 644 "$file" "$root/modules/$((n++))-${file##*/}"; done; }
(cd "$root" && find . | cpio --quiet -o -H newc) >> "$image.part"
mv "$image.part" "$image"
