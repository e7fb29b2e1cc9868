#!/usr/bin/env bash
# Builds a static package index in DIR out of what Debian carries and of the sample packages in tests/packages. No network.
#   deploy/mirror.sh DIR
#     DIR/simple/NAME/index.html   PEP 503, with digests; index.json beside it is the same page as PEP 691 has it
#     DIR/files/                   the wheels and sdists; the same bytes on every run
# Serve it with any static file server: (cd DIR && /usr/bin/python3 -m http.server), index URL http://HOST:PORT/simple
set -euo pipefail
[[ $# -eq 1 && -n $1 && $1 != -* ]] || { echo "usage: deploy/mirror.sh DIR" >&2; exit 2; }
root=$(cd "$(dirname "$0")/.." && pwd)
umask 022
new="$1.new.$$"
trap 'rm -rf "$new"' EXIT
mkdir -p "$new/files"
/usr/bin/python3 -E -s -B "$root/deploy/mirror/repack.py" "$new/files"
/usr/bin/python3 -E -s -B "$root/tests/packages/build.py" "$new/files"
/usr/bin/python3 -E -s -B "$root/deploy/mirror/index.py" "$new"
rm -rf "$1"
mv "$new" "$1"
trap - EXIT
