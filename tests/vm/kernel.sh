#!/usr/bin/env bash
# Fetches Debian's own cloud kernel, once: what `linux-image-cloud-amd64` depends on today. Unpacked, never installed, because the
# machine that runs the tests may well be a container. Prints the directory with boot/ and lib/modules/.
set -euo pipefail
cache=$(realpath "$(dirname "$0")/../..")/build/kernel

if ! compgen -G "$cache/boot/vmlinuz-*" >/dev/null; then
  # Unpacked beside and renamed: whoever is interrupted, or meets another who does the same, leaves no half of a kernel.
  mkdir -p "${cache%/*}"
  fresh=$(mktemp -d "$cache.XXXXXX")
  trap 'rm -rf "$fresh"' EXIT
  chmod 755 "$fresh"
  package=$(apt-cache depends --no-recommends --no-suggests linux-image-cloud-amd64 |
    sed -n 's/^ *Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1)
  [[ -n "$package" ]] || { echo "kernel.sh: apt knows no linux-image-cloud-amd64; run apt-get update" >&2; exit 1; }
  (cd "$fresh" && apt-get download -q -o APT::Sandbox::User=root "$package" && dpkg-deb -x ./*.deb . && rm ./*.deb) >&2
  mv -T "$fresh" "$cache" 2>/dev/null || compgen -G "$cache/boot/vmlinuz-*" >/dev/null
fi
echo "$cache"
